/** The worker: loads a runtime and a model, tests itself on golden faces, and makes faces. */

import type * as Ort from "onnxruntime-web";
import { flow, whole } from "./flow";
import { Larger } from "./larger";
import { latent } from "./latents";
import { Library } from "./library";
import type { Answer, Draw, Enlarge, Order, Start } from "./orders";
import { bytesOf } from "./site";

declare const self: DedicatedWorkerGlobalScope;

/** What stands ready once the start was obeyed. */
interface Ready {
  library: Library;
  session: Ort.InferenceSession;
  order: Start;
}

let ready: Ready | undefined;
let larger: Promise<Larger> | undefined;
let line: Promise<void> = Promise.resolve();

const say = (answer: Answer, transfer: Transferable[] = []): void => {
  self.postMessage(answer, { transfer });
};

/** How each kind of order is obeyed. */
const WORK: { [K in Order["kind"]]: (order: Extract<Order, { kind: K }>) => Promise<void> } = {
  start,
  draw,
  enlarge,
};

async function start(order: Start): Promise<void> {
  let runtimeCame = (): void => undefined;
  const came = new Promise<void>((done) => {
    runtimeCame = done;
  });
  const binary = flow(order.runtime.binary, (done, all) => {
    say({ kind: "progress", part: "runtime", done });
    if (all) runtimeCame();
  });
  binary.catch(runtimeCame); // it is told with the library
  let waiting = true;
  const weights = came // the runtime first: it can be made ready while the weights come
    .then(() => flow(order.weights, (done) => say({ kind: "progress", part: "weights", done })))
    .then(whole)
    .finally(() => {
      waiting = false;
    });
  weights.catch(() => undefined);
  const library = await Library.load(order.runtime, binary, order.backend, order.threads);
  if (waiting && order.backend === "wasm") await library.warmUp();
  ready = { library, session: await library.open(await weights), order };
  say({ kind: "ready", ...(await selfTest(order)) });
}

async function draw(order: Draw): Promise<void> {
  const made = await image(order.latent, order.truncation, order.labels, order.fine);
  if (order.raw) {
    say({ kind: "raw", id: order.id, values: made }, [made.buffer]);
    return;
  }
  const face = pixels(made);
  say({ kind: "face", id: order.id, pixels: face }, [face.buffer]);
}

async function enlarge({ id, weights, times, pixels, size }: Enlarge): Promise<void> {
  larger ??= Larger.load(atHand().library, weights, times);
  const network = await larger.catch((fault: unknown) => {
    larger = undefined; // it may come another time
    throw fault;
  });
  const large = await network.run(pixels, size);
  say({ kind: "enlarged", id, pixels: large }, [large.buffer]);
}

/** Make the golden faces, timed, and compare: bytes may differ by little, on average and at most. */
async function selfTest({ golden, z, size }: Start): Promise<{ worst: number; milliseconds: number }> {
  const expected = bytesOf(golden.values);
  let at = 0;
  let sum = 0;
  let worst = 0;
  let milliseconds = 0;
  for (const [i, seed] of golden.seeds.entries()) {
    const from = performance.now();
    const made = pixels(await image(latent(seed, z), 1, golden.labels[i] ?? []));
    milliseconds = performance.now() - from; // the last: the first one warms up

    for (let p = 0; p < size * size; p += golden.step) {
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

/** What is ready to make faces. */
function atHand(): Ready {
  if (!ready) throw new Error("not ready");
  return ready;
}

async function image(
  values: Float32Array,
  truncation: number,
  labels: readonly number[],
  fine = values,
): Promise<Float32Array> {
  const { library, session, order } = atHand();
  const { Tensor } = library.ort;
  const feeds: Record<string, Ort.Tensor> = {
    latent: new Tensor("float32", values, [1, order.z]),
    truncation: new Tensor("float32", Float32Array.of(truncation), [1]),
  };
  if (order.mixes) feeds.fine = new Tensor("float32", fine, [1, order.z]);
  if (labels.length)
    feeds.labels = new Tensor("int64", BigInt64Array.from(labels, BigInt), [1, labels.length]);
  const out = (await session.run(feeds)).image;
  const data = (await out.getData()) as Float32Array;
  out.dispose();
  return data;
}

/** Output values (3, H, W) as RGBA bytes; NaN is refused. */
function pixels(values: Float32Array): Uint8ClampedArray<ArrayBuffer> {
  const {
    size,
    range: [low, high],
  } = atHand().order;
  const count = size * size;
  const scale = Math.fround(255 / (high - low));
  const out = new Uint8ClampedArray(4 * count);
  for (let p = 0; p < count; p++) {
    for (let c = 0; c < 3; c++) {
      const value = Math.fround(Math.fround(values[c * count + p] - low) * scale);
      if (Number.isNaN(value)) throw new Error("self-test: NaN instead of pixels");
      out[4 * p + c] = Math.floor(Math.min(255, Math.max(0, value)) + 0.5);
    }
    out[4 * p + 3] = 255;
  }
  return out;
}

self.onmessage = ({ data }: MessageEvent<Order>): void => {
  const work = WORK[data.kind] as (order: Order) => Promise<void>;
  line = line
    .then(() => work(data))
    .catch((fault: unknown) => {
      const reason = fault instanceof Error ? fault.message : String(fault);
      say({ kind: "fault", id: data.kind === "start" ? null : data.id, reason });
    });
};
