/** In the worker: onnxruntime-web, loaded once, which opens models. */

import type * as Ort from "onnxruntime-web";
import { address, compiled } from "./flow";
import type { Backend, RuntimeParts } from "./orders";
import { bytesOf } from "./site";

/** What runtime.mjs, between the library and its glue, finds here. */
declare const self: DedicatedWorkerGlobalScope & {
  glue: string;
  runtime: Promise<WebAssembly.Module>;
};

const OPTIONS = { graphOptimizationLevel: "all", logSeverityLevel: 4 } as const;

export class Library {
  private constructor(
    readonly ort: typeof Ort,
    private readonly backend: Backend,
  ) {}

  /** Load the library for a backend; its WebAssembly is compiled while `binary` comes. */
  static async load(
    { ort: library, glue, between }: RuntimeParts,
    binary: Promise<ReadableStream<Uint8Array<ArrayBuffer>>>,
    backend: Backend,
    threads: number,
  ): Promise<Library> {
    self.runtime = binary.then(compiled);
    self.runtime.catch(() => undefined); // it is told below
    self.glue = await address(glue);
    const middle = await address(between);
    const [loaded] = await Promise.all([import(/* @vite-ignore */ await address(library)), import(middle)]);
    const ort = loaded as typeof Ort;
    ort.env.wasm.wasmBinary = new ArrayBuffer(8); // not looked at: runtime.mjs brings what was compiled
    ort.env.wasm.wasmPaths = { mjs: middle };
    ort.env.wasm.numThreads = threads;
    ort.env.logLevel = "error";
    await self.runtime;
    return new Library(ort, backend);
  }

  /** Open a model: the bytes of its ONNX file. */
  open(weights: Uint8Array): Promise<Ort.InferenceSession> {
    return this.ort.InferenceSession.create(weights, { ...OPTIONS, executionProviders: [this.backend] });
  }

  /** Open a tiny model, so that the runtime's code is ready when the real one has come. */
  async warmUp(): Promise<void> {
    await (await this.open(bytesOf(TINY))).release();
  }
}

/** A network of one small convolution, as base64 of its ONNX. */
const TINY =
  "CAg66wEKFwoBYhIBbCIEQ2FzdCoJCgJ0bxgBoAECCg4KAWwKAXMSAXciA011bAoiCgF4CgF3EgFjIgRDb252KhEKBHBhZHNA" +
  "AUABQAFAAaABBwoRCgFjEgF5IglMZWFreVJlbHUSAWcqMwgCCAIIAwgDEANCAWJKJAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB" +
  "AQEBAQEBAQEBAQEBASoXCAIIAQgBCAEQAUIBc0oIzczMPc3MzD1aGwoBeBIWChQIARIQCgIIAQoCCAIKAggECgIIBGIbCgF5" +
  "EhYKFAgBEhAKAggBCgIIAgoCCAQKAggEQgQKABAS";
