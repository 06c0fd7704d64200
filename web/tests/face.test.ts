import { expect, test } from "vitest";
import {
  type Face,
  labelsOf,
  latentOf,
  lookOf,
  mixed,
  mixedLook,
  originText,
  readOrigin,
  settled,
  shown,
  valuesOf,
} from "../src/face";
import { latent, slerp } from "../src/latents";
import { fromLink, toLink } from "../src/link";
import { model } from "./model";

const toy = model();
const face = (more: Partial<Face> = {}): Face => ({
  model: toy.hash,
  origin: { seed: 7 },
  truncation: 1,
  labels: {},
  moves: {},
  ...more,
});

test("origins are written and read", () => {
  const lines = ["7", "9007199254740991", "7~12@0.3", "7~12@0.3~99@0.25", "7~(12~3@0.5)@0.125"];
  for (const line of lines) {
    const origin = readOrigin(line, 4);
    expect(origin && originText(origin)).toBe(line);
  }
  const values = { values: latent(5, 4) };
  const again = readOrigin(originText(values), 4);
  expect(again).toEqual(values);
});

test("nonsense is no origin", () => {
  const lines = [
    "",
    "x",
    "-1",
    "1.5",
    "9007199254740992",
    "7~",
    "7~8",
    "7~8@2",
    "7~8@",
    "(7",
    "7)",
    "z",
    "zAAAA",
  ];
  for (const line of [...lines, "(".repeat(5000), "7~8@0.1".repeat(50), "zAAAAAAAAAAAAAAAAAAAAAAAA_39_"]) {
    expect(readOrigin(line, 4)).toBeNull();
  }
});

test("a mix lies on the way and its ends are the ends", () => {
  const [a, b] = [latent(7, 4), latent(12, 4)];
  const origin = mixed({ seed: 7 }, { seed: 12 }, 0.3);
  expect(latentOf(origin, 4)).toEqual(Float32Array.from(slerp(a, b, 0.3)));
  expect(mixed({ seed: 7 }, { seed: 12 }, 0)).toEqual({ seed: 7 });
  expect(mixed({ seed: 7 }, { seed: 12 }, 1)).toEqual({ seed: 12 });
});

test("directions are added to the latent", () => {
  const directions = [Float32Array.of(1, 0, 0, 0), Float32Array.of(0, 1, 0, 0)];
  const moved = latentOf({ seed: 7 }, 4, { 1: -2 }, directions);
  const plain = latent(7, 4);
  expect(Array.from(moved)).toEqual([plain[0], Math.fround(plain[1] - 2), plain[2], plain[3]]);
});

test("long mixes become a latent, which is the same face", () => {
  let origin = mixed({ seed: 0 }, { seed: 1 }, 0.5);
  for (let seed = 2; seed < 40; seed++) origin = mixed(origin, { seed }, 0.3);
  const short = settled(origin, 4);
  expect("values" in short).toBe(true);
  expect(latentOf(short, 4)).toEqual(latentOf(origin, 4));
});

test("labels asked for are shown, the others follow the first seed", () => {
  const drawn = labelsOf(toy, face());
  expect(labelsOf(toy, face({ origin: mixed({ seed: 7 }, { seed: 9 }, 0.5) }))).toEqual(drawn);
  expect(shown(toy, face({ labels: { hat: "yes" } }))).toEqual({
    hair: toy.labels.hair[drawn[0]],
    hat: "yes",
  });
});

test("what does not go with a label that is asked for is drawn anew, the rest stays", () => {
  // No hat was seen on red hair, and no black hair without one.
  const hats = model({
    frequencies: { hair: [5, 1], hat: [1, 5] },
    pairs: [
      [],
      [
        [
          [0, 1],
          [5, 0],
        ],
      ],
    ],
  });
  for (let seed = 0; seed < 20; seed++) {
    const origin = { seed };
    const drawn = labelsOf(hats, face({ origin }));
    expect(drawn[0] === drawn[1]).toBe(false);
    expect(labelsOf(hats, face({ origin, labels: { hair: "red" } }))).toEqual([1, 0]);
    expect(labelsOf(hats, face({ origin, labels: { hat: "yes" } }))).toEqual([0, 1]);
    expect(labelsOf(hats, face({ origin, labels: { hat: "yes", hair: "red" } }))).toEqual([1, 1]);
  }
});

test("a link holds everything", () => {
  const whole = face({
    origin: mixed({ seed: 7 }, mixed({ seed: 1 }, { seed: 2 }, 0.5), 0.25),
    truncation: 0.8,
    labels: { hair: "red" },
    moves: { 1: -1.5 },
  });
  const link = toLink(whole, [toy, model({ hash: "f".repeat(16) })]);
  expect(link).toBe("seed=7~(1~2@0.5)@0.25&truncation=0.8&label=hair:red&move=1:-1.5&model=01234567");
  expect(fromLink(`#${link}`, [toy], toy)).toEqual(whole);
});

test("shapes and colours go their own ways between two faces", () => {
  const [from, to] = [lookOf({ seed: 7 }), lookOf({ seed: 9 }, { seed: 3 })];
  expect(mixedLook(from, to, { shapes: 0, colours: 0 }, 4)).toEqual(from);
  expect(mixedLook(from, to, { shapes: 1, colours: 1 }, 4)).toEqual(to);
  expect(mixedLook(from, to, { shapes: 0, colours: 1 }, 4)).toEqual(lookOf({ seed: 7 }, { seed: 3 }));
  expect(mixedLook(from, to, { shapes: 1, colours: 0 }, 4)).toEqual(lookOf({ seed: 9 }, { seed: 7 }));
  const both = mixedLook(from, lookOf({ seed: 9 }), { shapes: 0.3, colours: 0.3 }, 4);
  expect(both.fine).toBeUndefined();
  expect(originText(both.origin)).toBe("7~9@0.3");
});

test("a link names where the colours come from, for a model that takes them", () => {
  const mixes = model({ mixes: true });
  const whole = face({ fine: mixed({ seed: 3 }, { seed: 4 }, 0.5), labels: { hair: "red" } });
  const link = toLink(whole, [mixes]);
  expect(link).toBe("seed=7&fine=3~4@0.5&label=hair:red");
  expect(fromLink(link, [mixes], mixes)).toEqual(whole);
  expect(fromLink(link, [toy], toy)?.fine).toBeUndefined();
  expect(fromLink("seed=7&fine=7", [mixes], mixes)?.fine).toBeUndefined();
  expect(fromLink("seed=7&fine=x", [mixes], mixes)).toEqual(face());
});

test("what a link names and the model does not know is left out", () => {
  const odd = "#seed=7&truncation=9&label=hair:blue&label=constructor:x&move=9:1,1:99,0:0.5&%E0%A4%A";
  expect(fromLink(odd, [toy], toy)).toEqual(face({ moves: { 0: 0.5 } }));
  for (const none of ["#", "#seed=", "#seed=x", "#model=ffff&seed=7", "#seed=%E0%A4%A"]) {
    expect(fromLink(none, [toy], toy)).toBeNull();
  }
});

test("labels with signs in them survive a link", () => {
  const odd = model({ labels: { "a&b": ["x:y", "u=v"] }, frequencies: { "a&b": [1, 1] } });
  const whole = { ...face(), labels: { "a&b": "u=v" } };
  expect(fromLink(toLink(whole, []), [], odd)?.labels).toEqual(whole.labels);
  expect(fromLink(toLink({ ...whole, labels: { "a&b": "x:y" } }, []), [], odd)?.labels).toEqual({
    "a&b": "x:y",
  });
});

test("labels keep the order in which the model takes them, whatever their names", () => {
  const odd = model();
  Object.assign(odd, {
    attributes: ["hair", "1", "constructor"],
    labels: { hair: ["black", "red"], 1: ["a", "b", "c"], constructor: ["x", "y"] },
    frequencies: { hair: [0, 5], 1: [0, 0, 7], constructor: [3, 0] },
  });
  expect(labelsOf(odd, face())).toEqual([1, 2, 0]);
  expect(Object.values(shown(odd, face())).sort()).toEqual(["c", "red", "x"]);
  expect(valuesOf(odd, "hair")).toEqual(["red"]);
  expect(fromLink("seed=7&label=hair:black", [], odd)?.labels).toEqual({});
  expect(fromLink("seed=7&label=hair:red", [], odd)?.labels).toEqual({ hair: "red" });
});
