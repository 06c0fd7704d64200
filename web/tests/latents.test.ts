import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as latents from "../src/latents";

const golden = JSON.parse(readFileSync(new URL("../../tests/golden/latents.json", import.meta.url), "utf-8"));

test("the golden file is of this version", () => {
  expect(golden.version).toBe(latents.VERSION);
});

test("words, uniforms and latents are the golden ones", () => {
  for (const { seed, stream, values } of golden.words) {
    const got = latents.words(seed, stream, values.length).map((word) => word.toString(16).padStart(16, "0"));
    expect(got).toEqual(values);
  }
  for (const { seed, stream, values } of golden.uniforms) {
    expect(latents.uniforms(seed, stream, values.length)).toEqual(values);
  }
  for (const { seed, z, values } of golden.latents) {
    expect(Array.from(latents.latent(seed, z))).toEqual(values);
  }
});

test("labels are the golden ones", () => {
  for (const { seeds, frequencies, pairs, asked, values } of golden.labels) {
    const drawn = (seed: number): number[] => latents.drawLabels(seed, frequencies, pairs, new Map(asked));
    expect(seeds.map(drawn)).toEqual(values);
  }
});

test("truncation is the golden one", () => {
  for (const { point, psi, centres, values } of golden.truncation) {
    expect(latents.truncate(point, psi, centres).map((v) => v + 0)).toEqual(values.map((v: number) => v + 0));
  }
});

test("walks are the golden ones", () => {
  for (const { seed, frames, z, keys, values } of golden.walks) {
    expect(latents.walk(seed, frames, z, keys).map((frame) => Array.from(frame))).toEqual(values);
  }
});

test("pixels are the golden ones", () => {
  for (const { range, inputs, values } of golden.pixels) {
    expect(inputs.map((value: number) => latents.toByte(value, range[0], range[1]))).toEqual(values);
  }
});

test("what is no seed is refused", () => {
  for (const seed of [-1, 0.5, Number.NaN, 2 ** 53])
    expect(() => latents.words(seed, 0, 1)).toThrow(RangeError);
});
