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

/** Fetch a part whole, telling how far it is. */
async function bytes(part: Part, name: "runtime" | "weights"): Promise<Uint8Array<ArrayBuffer>> {
  if (typeof part !== "string") return unpacked(part);
  const response = await fetch(part);
  if (!response.ok || !response.body) throw new Error(`${part}: ${response.status}`);
  if (response.headers.get("content-type")?.startsWith("text/html"))
    throw new Error(`${part}: a page came instead`);
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let done = 0;
  const reader = response.body.getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    pieces.push(piece.value);
    done += piece.value.length;
    say({ kind: "progress", part: name, done });
  }
  const whole = new Uint8Array(done);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return unpacked(whole);
}

const address = (part: Part): string =>
  typeof part === "string" ? part : URL.createObjectURL(new Blob([part], { type: "text/javascript" }));

async function begin(order: Start): Promise<void> {
  start = order;
  const coming = Promise.all([bytes(order.runtime.binary, "runtime"), bytes(order.weights, "weights")]);
  const [ortText, glue] = await Promise.all(
    [order.runtime.ort, order.runtime.glue].map(async (part) =>
      address(typeof part === "string" ? part : await unpacked(part)),
    ),
  );
  ort = (await import(/* @vite-ignore */ ortText)) as typeof Ort;
  const [binary, weights] = await coming;
  ort.env.wasm.wasmBinary = binary.buffer;
  ort.env.wasm.wasmPaths = { mjs: glue };
  ort.env.wasm.numThreads = order.threads;
  ort.env.logLevel = "error";
  session = await ort.InferenceSession.create(weights, {
    executionProviders: [order.backend],
    graphOptimizationLevel: "all",
    logSeverityLevel: 4,
  });
  const worst = await selfTest(order);
  const times: number[] = [];
  for (let i = 0; i < 3; i++) {
    const from = performance.now();
    await image(latent(i, order.z), 1, order.golden.labels[0] ?? []);
    times.push(performance.now() - from);
  }
  say({ kind: "ready", worst, milliseconds: times.sort((a, b) => a - b)[1] });
}

/** Make the golden faces and compare: bytes may differ by little, on average and at most. */
async function selfTest(order: Start): Promise<number> {
  const expected = bytesOf(order.golden.values);
  let at = 0;
  let sum = 0;
  let worst = 0;
  for (const [i, seed] of order.golden.seeds.entries()) {
    const made = pixels(await image(latent(seed, order.z), 1, order.golden.labels[i] ?? []), order);
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
  return worst;
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
