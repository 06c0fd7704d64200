import { expect, test, vi } from "vitest";
import { Engine } from "../src/engine";
import type { Face } from "../src/face";
import { Maker, type Means } from "../src/maker";
import type { Answer, Asked, Order, Start } from "../src/orders";
import type { Site } from "../src/site";
import type { Surroundings } from "../src/surroundings";
import { model } from "./model";

vi.spyOn(Maker.prototype, "measure").mockResolvedValue(); // these workers take no time
vi.stubGlobal(
  "ImageData",
  class {
    constructor(
      readonly data: Uint8ClampedArray,
      readonly width: number,
    ) {}
  },
);

const larger = { times: 4, weights: "larger", bytes: 10, hash: "fedcba9876543210" };
const toy = model({ labels: {}, frequencies: {}, larger });
const runtime = { ort: "o", glue: "g", binary: "b", bytes: 100 };
const site = {
  single: false,
  models: [toy],
  runtimes: { wasm: runtime, webgpu: runtime },
} as unknown as Site;
const face = (seed: number): Face => ({
  model: toy.hash,
  origin: { seed },
  truncation: 1,
  labels: {},
  moves: {},
});

/** A worker that answers as told: how each kind of means behaves, and what was drawn in which order. */
function world(speeds: Partial<Record<Means, number | string>>, more: Partial<Surroundings> = {}) {
  const drawn: number[] = [];
  const lost: Means[] = [];
  let broken = false;
  let held: (() => void)[] | null = null;
  const worker = (): Worker => {
    const made = {
      onmessage: null as ((event: { data: Answer }) => void) | null,
      onerror: null,
      terminate: () => undefined,
      postMessage: (order: Order) => {
        const say = (data: Answer): void => made.onmessage?.({ data });
        if (order.kind === "start") queueMicrotask(() => say(answer(order)));
        else if (held) held.push(() => finish(order, say));
        else queueMicrotask(() => finish(order, say));
      },
    };
    return made as unknown as Worker;
  };
  const answer = (order: Start): Answer => {
    const means: Means = order.backend === "webgpu" ? "webgpu" : order.threads > 1 ? "threads" : "wasm";
    const speed = speeds[means] ?? "self-test: other faces";
    if (typeof speed === "string") return { kind: "fault", id: null, reason: speed };
    return { kind: "ready", worst: 0, milliseconds: speed };
  };
  const finish = (order: Asked, say: (data: Answer) => void): void => {
    if (order.kind === "enlarge") {
      const count = (order.size * order.times) ** 2;
      say({ kind: "enlarged", id: order.id, pixels: new Uint8ClampedArray(4 * count) });
      return;
    }
    if (broken) {
      say({ kind: "fault", id: order.id, reason: "device lost" });
      return;
    }
    drawn.push(order.latent[0]);
    say({ kind: "face", id: order.id, pixels: new Uint8ClampedArray(4 * toy.size ** 2) });
  };
  const around: Surroundings = {
    worker,
    isolated: true,
    cores: 2,
    adapter: async () => true,
    part: (name) => name,
    ...more,
  };
  return {
    engine: new Engine(site, toy, around, (means) => lost.push(means)),
    drawn,
    lost,
    breaks: (now: boolean) => {
      broken = now;
    },
    hold: () => {
      held = [];
    },
    release: async () => {
      while (held?.length) {
        for (const one of held.splice(0)) one();
        await new Promise((done) => setTimeout(done));
      }
    },
  };
}

const nothing = (): void => undefined;

test("one thread comes first, and is kept where it is quick", async () => {
  const { engine } = world({ wasm: 5, threads: 1, webgpu: 1 });
  expect(await engine.start(null, nothing)).toBe("wasm");
  expect(await engine.improve()).toBe(false);
});

test("where faces are slow, what measures faster takes over", async () => {
  const { engine } = world({ wasm: 100, threads: 60, webgpu: 90 }, { adapter: async () => false });
  await engine.start(null, nothing);
  expect(await engine.improve()).toBe(true);
  expect(engine.means).toBe("threads");
  const slower = world({ wasm: 100, threads: 140, webgpu: 500 });
  await slower.engine.start(null, nothing);
  expect(await slower.engine.improve()).toBe(false);
  expect(slower.engine.means).toBe("wasm");
});

test("means that fail their self-test give way to the next", async () => {
  const { engine } = world({ threads: 8 });
  expect(await engine.start(null, nothing)).toBe("threads");
  expect(engine.refused.get("wasm")).toContain("self-test");
});

test("means that are asked for come first, and fall back where there are none", async () => {
  const { engine } = world({ wasm: 5, webgpu: 3 });
  expect(await engine.start("webgpu", nothing)).toBe("webgpu");
  const without = world({ wasm: 5, webgpu: 3 }, { adapter: async () => false });
  expect(await without.engine.start("webgpu", nothing)).toBe("wasm");
  expect(without.engine.refused.get("webgpu")).toBe("no adapter");
  const alone = world({ wasm: 5, threads: 3 }, { isolated: false });
  expect(await alone.engine.start("threads", nothing)).toBe("wasm");
});

test("where nothing works, the first reason is told", async () => {
  const { engine } = world({});
  await expect(engine.start(null, nothing)).rejects.toThrow("self-test");
});

test("the face one waits for comes before the wall, and what nobody wants is left out", async () => {
  const { engine, drawn, hold, release } = world({ wasm: 5 });
  await engine.start(null, nothing);
  hold();
  const origin = (first: number): Float32Array => Float32Array.of(first, 0, 0, 0);
  const wall = [1, 2, 3, 4].map((n) => engine.draw(face(n), { origin: origin(n) }));
  const unwanted = engine.draw(face(5), { origin: origin(5), wanted: () => false });
  const soon = engine.draw(face(6), { origin: origin(6), when: "soon" });
  const now = engine.draw(face(7), { origin: origin(7), when: "now" });
  await release();
  await Promise.all([...wall, soon, now]);
  expect(await unwanted).toBeNull();
  expect(drawn).toEqual([1, 2, 7, 6, 3, 4]);
});

test("faces asked for beforehand are made once it is ready, and none once it has stopped", async () => {
  const { engine } = world({ wasm: 5 });
  const early = engine.draw(face(1));
  await engine.start(null, nothing);
  expect(await early).not.toBeNull();
  engine.stop();
});

test("a face is made larger by the network that was published with it", async () => {
  const { engine } = world({ wasm: 5 });
  await engine.start(null, () => undefined);
  const made = await engine.draw(face(3));
  if (!made) throw new Error("no face");
  const large = await engine.enlarge(made);
  expect(large?.width).toBe(4 * toy.size);
  expect(large?.data.length).toBe(4 * (4 * toy.size) ** 2);
  expect(await engine.enlarge(large as ImageData)).toBeNull(); // it is no face of the model any more
});

test("what is on its way still comes though quicker means take over", async () => {
  const { engine, hold, release } = world({ wasm: 100, threads: 10 }, { adapter: async () => false });
  await engine.start(null, nothing);
  hold();
  vi.useFakeTimers();
  const slow = engine.draw(face(1));
  expect(await engine.improve()).toBe(true);
  vi.advanceTimersByTime(10_000);
  vi.useRealTimers();
  await release();
  expect(await slow).not.toBeNull();
});

test("what makes no faces any more is told of once, and one face that fails is not", async () => {
  const { engine, lost, breaks } = world({ webgpu: 5 });
  await engine.start("webgpu", nothing);
  breaks(true);
  expect(await engine.draw(face(1))).toBeNull();
  breaks(false);
  expect(await engine.draw(face(2))).not.toBeNull();
  expect(lost).toEqual([]);
  breaks(true);
  await Promise.all([1, 2, 3, 4].map((seed) => engine.draw(face(seed))));
  expect(lost).toEqual(["webgpu"]);
});
