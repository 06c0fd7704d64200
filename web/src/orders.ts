/** What the page and its worker tell each other. */

import type { Part } from "./site";

export type Backend = "wasm" | "webgpu";

export interface Start {
  kind: "start";
  backend: Backend;
  threads: number;
  runtime: { ort: Part; glue: Part; between: Part; binary: Part };
  weights: Part;
  size: number;
  z: number;
  range: [number, number];
  golden: { seeds: number[]; step: number; values: string; labels: number[][] };
}

export interface Draw {
  kind: "draw";
  id: number;
  latent: Float32Array;
  truncation: number;
  labels: readonly number[];
  /** Give the output values instead of pixels. */
  raw?: boolean;
}

export type Order = Start | Draw;

export type Answer =
  | { kind: "progress"; part: "runtime" | "weights"; done: number }
  | { kind: "ready"; worst: number; milliseconds: number }
  | { kind: "face"; id: number; pixels: Uint8ClampedArray<ArrayBuffer> }
  | { kind: "raw"; id: number; values: Float32Array }
  | { kind: "fault"; id: number | null; reason: string };
