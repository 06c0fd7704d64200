/**
 * What the page and its worker tell each other. The first order is a start, answered by `ready` or a fault
 * without a number; every other one has a number and is answered once, by a reply or a fault of that number.
 *
 * To teach the worker something: an order in `Asked`, its answer in `Reply`, a line in worker.ts's WORK, and
 * a method of Maker that asks.
 */

import type { Part } from "./site";

export type Backend = "wasm" | "webgpu";

/** Where the runtime's parts are: library, glue, what stands between them, WebAssembly. */
export interface RuntimeParts {
  ort: Part;
  glue: Part;
  between: Part;
  binary: Part;
}

export interface Start {
  kind: "start";
  backend: Backend;
  threads: number;
  runtime: RuntimeParts;
  weights: Part;
  size: number;
  z: number;
  range: [number, number];
  /** Whether the model takes a latent for its finer stages. */
  mixes: boolean;
  golden: { seeds: number[]; step: number; values: string; labels: number[][] };
}

export interface Draw {
  kind: "draw";
  id: number;
  latent: Float32Array;
  /** The latent of the finer stages; the same one where none is given. */
  fine?: Float32Array;
  truncation: number;
  labels: readonly number[];
  /** Give the output values instead of pixels. */
  raw?: boolean;
}

/** Make a face larger; its weights are fetched the first time. */
export interface Enlarge {
  kind: "enlarge";
  id: number;
  weights: Part;
  times: number;
  pixels: Uint8ClampedArray<ArrayBuffer>;
  size: number;
}

export type Asked = Draw | Enlarge;
export type Order = Start | Asked;

export type Reply =
  | { kind: "face"; id: number; pixels: Uint8ClampedArray<ArrayBuffer> }
  | { kind: "enlarged"; id: number; pixels: Uint8ClampedArray<ArrayBuffer> }
  | { kind: "raw"; id: number; values: Float32Array }
  | { kind: "fault"; id: number; reason: string };

export type Answer =
  | Reply
  | { kind: "progress"; part: "runtime" | "weights"; done: number }
  | { kind: "ready"; worst: number; milliseconds: number }
  | { kind: "fault"; id: null; reason: string };
