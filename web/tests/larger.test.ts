import { expect, test } from "vitest";
import { bytes, planes } from "../src/larger";

test("pixels become planes and come back", () => {
  const pixels = Uint8ClampedArray.from([0, 51, 102, 255, 153, 204, 255, 255]);
  const values = planes(pixels);
  expect([...values].map((value) => Math.round(255 * value))).toEqual([0, 153, 51, 204, 102, 255]);
  expect([...bytes(values, 2)]).toEqual([...pixels]);
});

test("what lies outside is clipped, and NaN is no picture", () => {
  expect([...bytes(Float32Array.of(-1, 2, 0.5), 1)]).toEqual([0, 255, 128, 255]);
  expect(() => bytes(Float32Array.of(Number.NaN, 0, 0), 1)).toThrow("NaN");
});
