/** In the worker: a second network, which makes a face larger; fetched when one is asked for. */

import type * as Ort from "onnxruntime-web";
import { flow, whole } from "./flow";
import type { Library } from "./library";
import type { Part } from "./site";

type Bytes = Uint8ClampedArray<ArrayBuffer>;

export class Larger {
  private constructor(
    private readonly library: Library,
    private readonly session: Ort.InferenceSession,
    private readonly times: number,
  ) {}

  static async load(library: Library, weights: Part, times: number): Promise<Larger> {
    const bytes = await whole(await flow(weights, () => undefined));
    return new Larger(library, await library.open(bytes), times);
  }

  /** Enlarge a face: RGBA bytes, row by row, of a square. */
  async run(pixels: Bytes, size: number): Promise<Bytes> {
    const { Tensor } = this.library.ort;
    const picture = new Tensor("float32", planes(pixels), [1, 3, size, size]);
    const out = (await this.session.run({ picture })).image;
    const values = (await out.getData()) as Float32Array;
    out.dispose();
    return bytes(values, (size * this.times) ** 2);
  }
}

/** RGBA bytes as planes of values from 0 to 1. */
export function planes(pixels: Bytes): Float32Array {
  const count = pixels.length / 4;
  const values = new Float32Array(3 * count);
  for (let p = 0; p < count; p++) {
    for (let c = 0; c < 3; c++) values[c * count + p] = pixels[4 * p + c] / 255;
  }
  return values;
}

/** Planes of values from 0 to 1 as RGBA bytes, rounded as phiz does; NaN is refused. */
export function bytes(values: Float32Array, count: number): Bytes {
  const out = new Uint8ClampedArray(4 * count);
  for (let p = 0; p < count; p++) {
    for (let c = 0; c < 3; c++) {
      const value = Math.fround(values[c * count + p] * 255);
      if (Number.isNaN(value)) throw new Error("NaN instead of pixels");
      out[4 * p + c] = Math.floor(Math.min(255, Math.max(0, value)) + 0.5);
    }
    out[4 * p + 3] = 255;
  }
  return out;
}
