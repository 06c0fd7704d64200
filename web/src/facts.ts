/** What a picture says of itself: the same packet that phiz writes (docs/latents.md), put in and found. */

import {
  type Face,
  firstSeed,
  isOfSeeds,
  type Look,
  latentBytes,
  latentOf,
  lookOf,
  type Origin,
  originText,
  shown,
  valuesOf,
} from "./face";
import { isSeed } from "./latents";
import { fromLink, MOST_TRUNCATION, toLink } from "./link";
import { base64Of, bytesOf, directionsOf, type Model } from "./site";

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
  const labelled = Object.keys(model.labels).length > 0;
  const mixes = faces.some((face) => face.fine);
  const said: Facts = { phiz: "picture", format: 1, synthetic: true, model: model.hash };
  if (faces.every(isOfSeeds) && faces.every((face) => isLike(face, first))) {
    const seeds = faces.map((face) => firstSeed(face.origin) ?? 0);
    const inRow = seeds.every((seed, i) => seed === seeds[0] + i);
    Object.assign(said, inRow ? { seed: seeds[0], n: seeds.length } : { seeds });
    Object.assign(said, { truncation: first.truncation, labels: first.labels });
    const fine = faces.map((face) => firstSeed(fineOf(face)) ?? 0);
    if (mixes) said.fine = fine.every((seed) => seed === fine[0]) ? fine[0] : fine;
    if (labelled && faces.length === 1) said.shows = shown(model, first);
  } else {
    const psi = faces.map((face) => face.truncation);
    said.n = faces.length;
    said.latents = base64Of(latentsOf(faces, (face) => face.origin, model, directions));
    if (mixes) said.fine = base64Of(latentsOf(faces, fineOf, model, directions));
    said.truncation = psi.every((value) => value === psi[0]) ? psi[0] : psi;
    said.faces = faces.map((face) => toLink(face, []));
    if (labelled)
      said.shows = faces.length === 1 ? shown(model, first) : faces.map((face) => shown(model, face));
  }
  if (grid) said.grid = grid;
  return said;
}

const isLike = (a: Face, b: Face): boolean =>
  a.truncation === b.truncation && JSON.stringify(a.labels) === JSON.stringify(b.labels);

const fineOf = (face: Face): Origin => face.fine ?? face.origin;

function latentsOf(
  faces: readonly Face[],
  from: (face: Face) => Origin,
  model: Model,
  directions: readonly ArrayLike<number>[],
): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * model.z * faces.length));
  faces.forEach((face, n) => {
    latentOf(from(face), model.z, face.moves, directions).forEach((value, i) => {
      view.setFloat32(4 * (n * model.z + i), value, true);
    });
  });
  return new Uint8Array(view.buffer);
}

/** The faces that facts name, by a model of this page; null where another model made them, or none. */
export function facesIn(said: Facts, models: readonly Model[]): { model: Model; faces: Face[] } | null {
  const model = models.find((m) => m.hash === said.model);
  if (!model) return null;
  const links = Array.isArray(said.faces) ? said.faces.slice(0, MOST_FACES) : [];
  const directions = directionsOf(model);
  const fine = model.mixes ? finesIn(said, model) : [];
  const faces = originsIn(said, model).flatMap((origin, i) => {
    if (!origin) return [];
    const face = plain(said, model, lookOf(origin, fine[i] ?? undefined), i);
    const other = links[i] === undefined ? null : fromLink(String(links[i]), [], model);
    return [other && isNear(face, other, model, directions) ? other : face];
  });
  return faces.length ? { model, faces } : null;
}

/** Whether a link leads to the very latent that is given with it, as it does where the directions are the same. */
function isNear(face: Face, other: Face, model: Model, directions: readonly ArrayLike<number>[]): boolean {
  return [(one: Face) => one.origin, fineOf].every((from) => {
    const given = latentOf(from(face), model.z);
    const made = latentOf(from(other), model.z, other.moves, directions);
    return given.every((value, i) => Math.abs(value - made[i]) < 1e-4);
  });
}

function plain(said: Facts, model: Model, look: Look, number: number): Face {
  const nth = (value: unknown): unknown => (Array.isArray(value) ? value[number] : value);
  const labels: Record<string, string> = {};
  const named = nth("seed" in look.origin ? said.labels : said.shows);
  for (const [attribute, value] of Object.entries(named ?? {})) {
    if (Object.hasOwn(model.labels, attribute) && valuesOf(model, attribute).includes(String(value))) {
      labels[attribute] = String(value);
    }
  }
  const psi = Number(nth(said.truncation) ?? 1);
  const truncation = psi >= 0 && psi <= MOST_TRUNCATION ? psi : 1;
  return { model: model.hash, ...look, truncation, labels, moves: {} };
}

/** Where the faces come from, in order; null for what is no seed and no latent. */
function originsIn(said: Facts, model: Model): (Origin | null)[] {
  if (typeof said.latents === "string") return latentsIn(said.latents, model.z);
  const { seed: first, n } = said;
  const count = typeof n === "number" && n >= 1 ? Math.min(MOST_FACES, n) : 1;
  const list = Array.isArray(said.seeds)
    ? said.seeds.slice(0, MOST_FACES)
    : Array.from({ length: count }, (_, i) => (typeof first === "number" ? first + i : null));
  return list.map(seedOf);
}

/** Where they have their colours from, in order; a seed alone is for all. */
function finesIn(said: Facts, model: Model): (Origin | null)[] {
  if (typeof said.fine === "string") return latentsIn(said.fine, model.z);
  const list: unknown[] = Array.isArray(said.fine) ? said.fine : Array(MOST_FACES).fill(said.fine);
  return list.slice(0, MOST_FACES).map(seedOf);
}

const seedOf = (value: unknown): Origin | null =>
  typeof value === "number" && isSeed(value) ? { seed: value } : null;

function latentsIn(text: string, z: number): (Origin | null)[] {
  const bytes = decodedBytes(text);
  const count = Math.min(MOST_FACES, Math.floor(bytes.length / (4 * z)));
  return Array.from({ length: count }, (_, i) => latentBytes(bytes.slice(4 * i * z, 4 * (i + 1) * z), z));
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
  const line = originText(face.origin) + (face.fine ? `-fine-${originText(face.fine)}` : "");
  const short = line.length > 40 || /z/.test(line) ? "mixed" : line.replace(/[~@()]/g, "-");
  return `face-${short}.${ending}`;
}
