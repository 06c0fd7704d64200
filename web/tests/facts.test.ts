import { expect, test } from "vitest";
import { type Face, latentOf, mixed } from "../src/face";
import { facesIn, factsOf, fileName, packet, readFacts } from "../src/facts";
import { gif, withFacts } from "../src/files";
import { gridFor } from "../src/sheet";
import { bytesOf, directionsOf } from "../src/site";
import { model } from "./model";

const toy = model();
const directions = directionsOf(toy);
const face = (more: Partial<Face> = {}): Face => ({
  model: toy.hash,
  origin: { seed: 7 },
  truncation: 1,
  labels: {},
  moves: {},
  ...more,
});
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("a face of a seed says what the terminal says of it", () => {
  const said = factsOf([face({ labels: { hair: "red" }, truncation: 0.8 })], toy, directions);
  expect(said).toMatchObject({
    phiz: "picture",
    format: 1,
    synthetic: true,
    model: toy.hash,
    seed: 7,
    n: 1,
    truncation: 0.8,
    labels: { hair: "red" },
  });
  expect(said.latents).toBeUndefined();
});

test("faces come back from what they say, alone and on sheets", () => {
  const sets: Face[][] = [
    [face()],
    [face({ origin: mixed({ seed: 7 }, { seed: 9 }, 0.3), moves: { 1: 2 }, labels: { hat: "yes" } })],
    [face(), face({ origin: { seed: 8 } }), face({ origin: { seed: 9 } })],
    [face({ origin: { seed: 3 } }), face({ origin: { seed: 40 } })],
    [face({ truncation: 0.5 }), face({ labels: { hair: "red" }, moves: { 0: 1 } })],
  ];
  for (const faces of sets) {
    const said = factsOf(faces, toy, directions);
    const found = readFacts(bytes(`xx${packet(said)}xx`));
    expect(found).toEqual(JSON.parse(JSON.stringify(said)));
    expect(found && facesIn(found, [toy])?.faces).toEqual(faces);
  }
});

test("faces in the colours of others come back too", () => {
  const mixes = model({ mixes: true });
  const sets: Face[][] = [
    [face({ fine: { seed: 12 } })],
    [face({ fine: { seed: 12 } }), face({ origin: { seed: 9 }, fine: { seed: 12 } })],
    [face({ fine: { seed: 12 } }), face({ origin: { seed: 9 } })],
    [face({ origin: mixed({ seed: 7 }, { seed: 9 }, 0.3), fine: { seed: 1 }, moves: { 1: 2 } }), face()],
  ];
  for (const faces of sets) {
    const said = JSON.parse(JSON.stringify(factsOf(faces, mixes, directions)));
    expect(facesIn(said, [mixes])?.faces).toEqual(faces);
    expect(facesIn(said, [toy])?.faces.some((one) => one.fine)).toBe(false);
  }
  expect(factsOf(sets[0], mixes, directions)).toMatchObject({ seed: 7, n: 1, fine: 12 });
  expect(factsOf(sets[2], mixes, directions)).toMatchObject({ seeds: [7, 9], fine: [12, 9] });
  const moved = factsOf(sets[3], mixes, directions);
  const values = new Float32Array(bytesOf(moved.fine as string).buffer);
  expect(values.subarray(0, 4)).toEqual(latentOf({ seed: 1 }, 4, { 1: 2 }, directions));
  expect(values.subarray(4)).toEqual(latentOf({ seed: 7 }, 4));
  for (const fine of ["%%", 1.5, [], {}, -1]) {
    expect(facesIn({ ...factsOf([face()], mixes, directions), fine }, [mixes])?.faces).toEqual([face()]);
  }
  expect(fileName(sets[0][0], "png")).toBe("face-7-fine-12.png");
});

test("where directions differ, the latent that is given counts", () => {
  const said = factsOf([face({ moves: { 1: 2 } })], toy, directions);
  const other = model({ directions: { names: [], vectors: "" } });
  const [found] = facesIn(said, [other])?.faces ?? [];
  expect("values" in found.origin).toBe(true);
  expect(found.labels).toEqual(said.shows);
});

test("text in other scripts and odd signs survive the packet", () => {
  const said = { phiz: "picture", model: "x", labels: { 髪: `"<&>'é` } };
  expect(readFacts(bytes(packet(said)))).toEqual(said);
});

test("what python writes is read", () => {
  const text = `<x:xmpmeta><rdf phiz:facts="{&quot;phiz&quot;: &quot;picture&quot;, &quot;seed&quot;: 7}"/></x:xmpmeta>`;
  expect(readFacts(bytes(`\x89PNG${text}`))).toEqual({ phiz: "picture", seed: 7 });
  const single = `<x:xmpmeta><rdf phiz:facts='{"phiz": "walk"}'/></x:xmpmeta>`;
  expect(readFacts(bytes(single))).toEqual({ phiz: "walk" });
});

test("nonsense is no picture of ours", () => {
  for (const text of [
    "",
    "x",
    "<x:xmpmeta",
    "<x:xmpmeta></x:xmpmeta>",
    '<x:xmpmeta phiz:facts="{"></x:xmpmeta>',
  ]) {
    expect(readFacts(bytes(text))).toBeNull();
  }
  for (const odd of [
    { model: toy.hash },
    { model: toy.hash, seed: -1 },
    { model: toy.hash, seeds: ["x", null] },
    { model: toy.hash, latents: "AAAA", truncation: 1 },
    { model: toy.hash, latents: "%%%" },
    { model: "other", seed: 7 },
  ]) {
    expect(facesIn(odd, [toy])).toBeNull();
  }
  const wild = facesIn({ model: toy.hash, seed: 7, n: 1e12, truncation: "x", labels: 5 }, [toy]);
  expect(wild?.faces.length).toBeLessThanOrEqual(400);
  expect(wild?.faces[0]).toEqual(face());
});

test("a PNG with facts in it is still one", async () => {
  const png = Uint8Array.from(
    atob("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="),
    (c) => c.charCodeAt(0),
  );
  const made = new Uint8Array(await withFacts(png, { phiz: "picture", model: "x" }).arrayBuffer());
  expect(made.length).toBeGreaterThan(png.length);
  expect([...made.subarray(0, 33)]).toEqual([...png.subarray(0, 33)]);
  expect(readFacts(made)).toEqual({ phiz: "picture", model: "x" });
});

test("a GIF loops, carries its facts and ends as it should", async () => {
  const frame = { width: 4, height: 4, data: new Uint8ClampedArray(64).fill(90) } as ImageData;
  const made = new Uint8Array(await gif([frame, frame, frame], 20, { phiz: "walk" }).arrayBuffer());
  expect(new TextDecoder().decode(made.subarray(0, 6))).toBe("GIF89a");
  expect(new TextDecoder("latin1").decode(made)).toContain("NETSCAPE2.0");
  expect(readFacts(made)).toEqual({ phiz: "walk" });
  expect(made.at(-1)).toBe(0x3b);
});

test("files are named for their faces", () => {
  expect(fileName(face(), "png")).toBe("face-7.png");
  expect(fileName(face({ origin: mixed({ seed: 7 }, { seed: 9 }, 0.3) }), "gif")).toBe("face-7-9-0.3.gif");
  expect(fileName(face({ origin: { values: new Float32Array(4) } }), "png")).toBe("face-mixed.png");
});

test("grids are those of the terminal", () => {
  expect([1, 3, 4, 12, 16, 48].map(gridFor)).toEqual([
    [1, 1],
    [1, 3],
    [2, 2],
    [3, 4],
    [4, 4],
    [6, 8],
  ]);
});
