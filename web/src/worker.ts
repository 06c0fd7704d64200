/** The worker: loads a runtime and a model, tests itself on golden faces, and makes faces. */

import type * as Ort from "onnxruntime-web";
import { latent } from "./latents";
import type { Answer, Order, Start } from "./orders";
import { bytesOf, type Part, unpacked } from "./site";

let ort: typeof Ort | undefined;
let session: Ort.InferenceSession | undefined;
let start: Start | undefined;
let line: Promise<void> = Promise.resolve();

const say = (answer: Answer, transfer: Transferable[] = []): void => {
  self.postMessage(answer, { transfer });
};

/** The bytes of a part as they come, unpacked where they are packed; tells how far it is, and when all came. */
async function flow(
  part: Part,
  name: "runtime" | "weights",
  came: () => void,
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const reader = (await source(part)).getReader();
  let done = 0;
  const read = async (): Promise<ReadableStreamReadResult<Uint8Array<ArrayBuffer>>> => {
    const piece = await reader.read();
    done += piece.value?.length ?? 0;
    say({ kind: "progress", part: name, done });
    if (piece.done) came();
    return piece;
  };
  let first: ReadableStreamReadResult<Uint8Array<ArrayBuffer>> | null = await read();
  const [a, b] = first.value ?? [];
  const whole = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(to) {
      const piece = first ?? (await read());
      first = null;
      if (piece.value) to.enqueue(piece.value);
      if (piece.done) to.close();
    },
  });
  const packed = a === 0x1f && b === 0x8b; // a server may have unpacked it already
  return packed ? whole.pipeThrough(new DecompressionStream("gzip")) : whole;
}

async function source(part: Part): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  if (typeof part !== "string") return new Blob([part]).stream() as ReadableStream<Uint8Array<ArrayBuffer>>;
  const response = await fetch(part);
  const name = part.split("/").pop();
  if (!response.ok || !response.body) throw new Error(`${name}: ${response.status}`);
  const page = response.headers.get("content-type")?.startsWith("text/html");
  if (page) throw new Error(`${name}: a page came instead`);
  return response.body;
}

/** Compile WebAssembly while it comes. */
async function compiled(part: Part, came: () => void): Promise<WebAssembly.Module> {
  const answer = new Response(await flow(part, "runtime", came), {
    headers: { "Content-Type": "application/wasm" },
  });
  if (typeof WebAssembly.compileStreaming === "function") return WebAssembly.compileStreaming(answer);
  return WebAssembly.compile(await answer.arrayBuffer());
}

const address = async (part: Part): Promise<string> =>
  typeof part === "string"
    ? part
    : URL.createObjectURL(new Blob([await unpacked(part)], { type: "text/javascript" }));

/** What runtime.mjs, between the library and its glue, finds here. */
declare const self: DedicatedWorkerGlobalScope & {
  glue: string;
  runtime: Promise<WebAssembly.Module>;
};

/** A network of one small convolution, as base64 of its ONNX. */
const TINY =
  "CAg66wEKFwoBYhIBbCIEQ2FzdCoJCgJ0bxgBoAECCg4KAWwKAXMSAXciA011bAoiCgF4CgF3EgFjIgRDb252KhEKBHBhZHNA" +
  "AUABQAFAAaABBwoRCgFjEgF5IglMZWFreVJlbHUSAWcqMwgCCAIIAwgDEANCAWJKJAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB" +
  "AQEBAQEBAQEBAQEBASoXCAIIAQgBCAEQAUIBc0oIzczMPc3MzD1aGwoBeBIWChQIARIQCgIIAQoCCAIKAggECgIIBGIbCgF5" +
  "EhYKFAgBEhAKAggBCgIIAgoCCAQKAggEQgQKABAS";

const OPTIONS = { graphOptimizationLevel: "all", logSeverityLevel: 4 } as const;

/** While the weights are on their way: load a tiny model, so that the runtime's code is ready for the real one. */
async function warmUp(backend: string): Promise<void> {
  const tiny = await ort?.InferenceSession.create(bytesOf(TINY), {
    ...OPTIONS,
    executionProviders: [backend],
  });
  await tiny?.release();
}

async function begin(order: Start): Promise<void> {
  start = order;
  let runtimeCame = (): void => undefined;
  const came = new Promise<void>((done) => {
    runtimeCame = done;
  });
  self.runtime = compiled(order.runtime.binary, runtimeCame);
  self.runtime.catch(runtimeCame); // it is told below
  let weightsCame = false;
  const weights = came // the runtime first: it can be made ready while the weights come
    .then(() => flow(order.weights, "weights", () => undefined))
    .then((stream) => new Response(stream).arrayBuffer())
    .finally(() => {
      weightsCame = true;
    });
  weights.catch(() => undefined);
  const { ort: library, glue, between } = order.runtime;
  self.glue = await address(glue);
  const middle = await address(between);
  const [loaded] = await Promise.all([import(/* @vite-ignore */ await address(library)), import(middle)]);
  ort = loaded as typeof Ort;
  ort.env.wasm.wasmBinary = new ArrayBuffer(8); // not looked at: runtime.mjs brings what was compiled
  ort.env.wasm.wasmPaths = { mjs: middle };
  ort.env.wasm.numThreads = order.threads;
  ort.env.logLevel = "error";
  await self.runtime;
  if (!weightsCame && order.backend === "wasm") await warmUp(order.backend);
  session = await ort.InferenceSession.create(new Uint8Array(await weights), {
    ...OPTIONS,
    executionProviders: [order.backend],
  });
  say({ kind: "ready", ...(await selfTest(order)) });
}

/** Make the golden faces, timed, and compare: bytes may differ by little, on average and at most. */
async function selfTest(order: Start): Promise<{ worst: number; milliseconds: number }> {
  const expected = bytesOf(order.golden.values);
  let at = 0;
  let sum = 0;
  let worst = 0;
  let milliseconds = 0;
  for (const [i, seed] of order.golden.seeds.entries()) {
    const from = performance.now();
    const made = pixels(await image(latent(seed, order.z), 1, order.golden.labels[i] ?? []), order);
    milliseconds = performance.now() - from; // the last: the first one warms up

    for (let p = 0; p < order.size * order.size; p += order.golden.step) {
      for (let c = 0; c < 3; c++) {
        const apart = Math.abs(made[4 * p + c] - expected[at++]);
        sum += apart;
        worst = Math.max(worst, apart);
      }
    }
  }
  if (at !== expected.length || sum / at > 1 || worst > 16) {
    throw new Error(`self-test: faces differ from the golden ones by ${(sum / at).toFixed(2)} of 255`);
  }
  return { worst, milliseconds };
}

async function image(
  values: Float32Array,
  truncation: number,
  labels: readonly number[],
): Promise<Float32Array> {
  if (!ort || !session || !start) throw new Error("not ready");
  const feeds: Record<string, Ort.Tensor> = {
    latent: new ort.Tensor("float32", values, [1, start.z]),
    truncation: new ort.Tensor("float32", Float32Array.of(truncation), [1]),
  };
  if (labels.length)
    feeds.labels = new ort.Tensor("int64", BigInt64Array.from(labels, BigInt), [1, labels.length]);
  const out = (await session.run(feeds)).image;
  const made = (await out.getData()) as Float32Array;
  out.dispose();
  return made;
}

/** Output values (3, H, W) as RGBA bytes; NaN is refused. */
function pixels(made: Float32Array, { size, range: [low, high] }: Start): Uint8ClampedArray<ArrayBuffer> {
  const count = size * size;
  const scale = Math.fround(255 / (high - low));
  const out = new Uint8ClampedArray(4 * count);
  for (let p = 0; p < count; p++) {
    for (let c = 0; c < 3; c++) {
      const value = Math.fround(Math.fround(made[c * count + p] - low) * scale);
      if (Number.isNaN(value)) throw new Error("self-test: NaN instead of pixels");
      out[4 * p + c] = Math.floor(Math.min(255, Math.max(0, value)) + 0.5);
    }
    out[4 * p + 3] = 255;
  }
  return out;
}

async function obey(order: Order): Promise<void> {
  try {
    if (order.kind === "start") {
      await begin(order);
      return;
    }
    const made = await image(order.latent, order.truncation, order.labels);
    if (order.raw) say({ kind: "raw", id: order.id, values: made }, [made.buffer]);
    else if (start) {
      const face = pixels(made, start);
      say({ kind: "face", id: order.id, pixels: face }, [face.buffer]);
    }
  } catch (fault) {
    const reason = fault instanceof Error ? fault.message : String(fault);
    say({ kind: "fault", id: order.kind === "draw" ? order.id : null, reason });
  }
}

self.onmessage = ({ data }: MessageEvent<Order>): void => {
  line = line.then(() => obey(data));
};
