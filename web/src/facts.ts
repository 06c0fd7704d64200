/** What a picture says of itself: the same packet that phiz writes (docs/latents.md), put in and found. */

import {
  type Face,
  isSeedAlone,
  latentBytes,
  latentOf,
  type Origin,
  originText,
  readOrigin,
  shown,
} from "./face";
import { isSeed } from "./latents";
import { fromLink, MOST_TRUNCATION, toLink } from "./link";
import { base64Of, bytesOf, type Model } from "./site";

export type Facts = Record<string, unknown>;

const SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia";
const MOST_FACES = 400;

/** What a picture of faces says: of one face, or of a sheet in rows and columns. */
export function factsOf(
  faces: readonly Face[],
  model: Model,
  directions: readonly ArrayLike<number>[],
  grid?: [number, number],
): Facts {
  const first = faces[0];
  const said: Facts = { phiz: "picture", format: 1, synthetic: true, model: model.hash };
  const alike = faces.every(
    (face) =>
      face.truncation === first.truncation && JSON.stringify(face.labels) === JSON.stringify(first.labels),
  );
  const seeds = faces.map((face) => ("seed" in face.origin ? face.origin.seed : Number.NaN));
  if (!alike) {
    said.faces = faces.map((face) => toLink(face, []));
  } else if (faces.every(isSeedAlone)) {
    const inRow = seeds.every((seed, i) => seed === seeds[0] + i);
    Object.assign(said, inRow ? { seed: seeds[0], n: seeds.length } : { seeds });
  } else {
    said.n = faces.length;
    said.latents = base64Of(latentsOf(faces, model, directions));
    said.faces = faces.map((face) => toLink(face, []));
  }
  if (alike) {
    const whole = "seed" in first.origin || "from" in first.origin;
    const labels = faces.length === 1 && !(isSeedAlone(first) && whole) ? shown(model, first) : first.labels;
    Object.assign(said, { truncation: first.truncation, labels });
  }
  if (faces.length === 1 && Object.keys(model.labels).length) said.shows = shown(model, first);
  if (grid) said.grid = grid;
  return said;
}

function latentsOf(
  faces: readonly Face[],
  model: Model,
  directions: readonly ArrayLike<number>[],
): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * model.z * faces.length));
  faces.forEach((face, n) => {
    latentOf(face.origin, model.z, face.moves, directions).forEach((value, i) => {
      view.setFloat32(4 * (n * model.z + i), value, true);
    });
  });
  return new Uint8Array(view.buffer);
}

/** The faces that facts name, by a model of this page; null where another model made them, or none. */
export function facesIn(said: Facts, models: readonly Model[]): { model: Model; faces: Face[] } | null {
  const model = models.find((m) => m.hash === said.model);
  if (!model) return null;
  const faces = Array.isArray(said.faces)
    ? said.faces.slice(0, MOST_FACES).map((link) => fromLink(String(link), [], model))
    : origins(said, model).map((origin) => plain(said, model, origin));
  const sound = faces.filter((face) => face !== null);
  return sound.length ? { model, faces: sound } : null;
}

function plain(said: Facts, model: Model, origin: Origin): Face {
  const labels: Record<string, string> = {};
  if (said.labels && typeof said.labels === "object") {
    for (const [attribute, value] of Object.entries(said.labels)) {
      if (Object.hasOwn(model.labels, attribute) && model.labels[attribute].includes(value))
        labels[attribute] = value;
    }
  }
  const psi = Number(said.truncation ?? 1);
  const truncation = psi >= 0 && psi <= MOST_TRUNCATION ? psi : 1;
  return { model: model.hash, origin, truncation, labels, moves: {} };
}

function origins(said: Facts, model: Model): Origin[] {
  if (typeof said.latents === "string") {
    const bytes = decodedBytes(said.latents);
    const count = Math.min(MOST_FACES, Math.floor(bytes.length / (4 * model.z)));
    return Array.from({ length: count }, (_, i) =>
      latentBytes(bytes.slice(4 * i * model.z, 4 * (i + 1) * model.z), model.z),
    ).filter((origin) => origin !== null);
  }
  const first = Number(said.seed);
  const list = Array.isArray(said.seeds)
    ? said.seeds.slice(0, MOST_FACES).map(Number)
    : Array.from(
        { length: Math.min(MOST_FACES, Math.max(1, Number(said.n ?? 1) || 1)) },
        (_, i) => first + i,
      );
  return list.filter(isSeed).map((seed) => ({ seed }));
}

function decodedBytes(text: string): Uint8Array {
  try {
    return bytesOf(text);
  } catch {
    return new Uint8Array();
  }
}

/** The XMP packet that holds facts. */
export function packet(said: Facts): string {
  const escaped = JSON.stringify(said).replace(/[&<>"\n\r\t]/g, (c) => `&#${c.charCodeAt(0)};`);
  return (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>' +
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">' +
    '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"' +
    ' xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:phiz="urn:phiz:facts:1"' +
    ` Iptc4xmpExt:DigitalSourceType="${SOURCE_TYPE}" xmp:CreatorTool="phiz"` +
    ` phiz:facts="${escaped}"/></rdf:RDF></x:xmpmeta><?xpacket end="r"?>`
  );
}

const LONGEST = 1 << 22;

/** What a file says of itself; null if phiz did not make it, or its metadata was removed. */
export function readFacts(bytes: Uint8Array): Facts | null {
  const text = new TextDecoder("latin1").decode(bytes); // one character a byte, so that places are the same
  for (let from = text.indexOf("<x:xmpmeta"); from >= 0; from = text.indexOf("<x:xmpmeta", from + 1)) {
    const end = text.indexOf("</x:xmpmeta>", from);
    if (end < 0 || end - from > LONGEST) continue;
    const packet = new TextDecoder().decode(bytes.subarray(from, end));
    const found = /phiz:facts="([^"]*)"/.exec(packet) ?? /phiz:facts='([^']*)'/.exec(packet);
    const said = found && parsed(unescaped(found[1]));
    if (said) return said;
  }
  return null;
}

const ENTITIES: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function unescaped(text: string): string {
  return text.replace(/&(#x[\da-f]+|#\d+|\w+);/gi, (whole, name: string) => {
    if (name[0] !== "#") return ENTITIES[name] ?? whole;
    const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

function parsed(text: string): Facts | null {
  try {
    const said = JSON.parse(text) as unknown;
    return said !== null && typeof said === "object" && "phiz" in said ? (said as Facts) : null;
  } catch {
    return null;
  }
}

/** The name of a face's file: face-7.png. */
export function fileName(face: Face, ending: string): string {
  const line = originText(face.origin);
  const short = line.length > 40 || !readOrigin(line, 0) ? "mixed" : line.replace(/[~@]/g, "-");
  return `face-${short}.${ending}`;
}
