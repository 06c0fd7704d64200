/** A worker that makes faces, as the page sees it: orders go out, each is answered once. */

import type { Answer, Asked, Reply, Start } from "./orders";
import type { Model, Part } from "./site";

/** What a face can be made by: one thread, several, or a graphics card. */
export type Means = "wasm" | "threads" | "webgpu";

export class Fault extends Error {}

/** An order without its number, which the maker gives. */
type Unnumbered<A> = A extends Asked ? Omit<A, "id"> : never;

/** A worker that has loaded a model and passed its self-test. */
export class Maker {
  private waiting = new Map<number, { done: (reply: Reply) => void; failed: (fault: Error) => void }>();
  private next = 0;
  private retired = false;
  private ended = false;
  milliseconds = 0;

  constructor(
    readonly means: Means,
    private readonly worker: Worker,
    private readonly model: Model,
  ) {}

  /** Load and test; rejects where it cannot run here, or makes other faces than it should. */
  start(order: Start, progress: (part: string, done: number) => void): Promise<void> {
    return new Promise((ready, failed) => {
      this.worker.onmessage = ({ data }: MessageEvent<Answer>) => {
        if (data.kind === "progress") progress(data.part, data.done);
        else if (data.kind === "ready") {
          this.milliseconds = data.milliseconds;
          ready();
        } else if (data.kind === "fault" && data.id === null) failed(new Fault(data.reason));
        else this.answered(data as Reply);
      };
      this.worker.onerror = (event) => {
        event.preventDefault();
        failed(new Fault(event.message || "the worker could not be started"));
        this.stop();
      };
      this.worker.postMessage(order);
    });
  }

  private answered(reply: Reply): void {
    const one = this.waiting.get(reply.id);
    this.waiting.delete(reply.id);
    if (reply.kind === "fault") one?.failed(new Fault(reply.reason));
    else one?.done(reply);
    if (this.retired && !this.waiting.size) this.stop();
  }

  /** Give an order and wait for the answer of a kind; rejects where the worker reports a fault. */
  private async ask<K extends Reply["kind"]>(
    order: Unnumbered<Asked>,
    kind: K,
  ): Promise<Extract<Reply, { kind: K }>> {
    if (this.ended) throw new Fault("stopped");
    const id = this.next++;
    const reply = await new Promise<Reply>((done, failed) => {
      this.waiting.set(id, { done, failed });
      this.worker.postMessage({ ...order, id });
    });
    if (reply.kind !== kind) throw new Fault(`${kind} was asked for, ${reply.kind} came`);
    return reply as Extract<Reply, { kind: K }>;
  }

  /** Make a face: RGBA bytes, row by row. */
  async draw(
    latent: Float32Array,
    truncation: number,
    labels: readonly number[],
    fine?: Float32Array,
  ): Promise<Uint8ClampedArray<ArrayBuffer>> {
    return (await this.ask({ kind: "draw", latent, fine, truncation, labels }, "face")).pixels;
  }

  /** Make a face of a side larger: RGBA bytes, row by row. */
  async enlarge(
    weights: Part,
    times: number,
    pixels: Uint8ClampedArray<ArrayBuffer>,
    size: number,
  ): Promise<Uint8ClampedArray<ArrayBuffer>> {
    return (await this.ask({ kind: "enlarge", weights, times, pixels, size }, "enlarged")).pixels;
  }

  /** Make a few faces and take the quickest: others may have been busy meanwhile. */
  async measure(): Promise<void> {
    const latent = new Float32Array(this.model.z);
    const labels = Object.keys(this.model.labels).map(() => 0);
    const times: number[] = [];
    for (let i = 0; i < 4; i++) {
      const from = performance.now();
      await this.draw(latent, 1, labels);
      times.push(performance.now() - from);
    }
    this.milliseconds = Math.min(...times);
  }

  /** Stop once everything that was asked for is answered, or after a minute. */
  retire(): void {
    this.retired = true;
    if (this.waiting.size) setTimeout(() => this.stop(), 60_000);
    else this.stop();
  }

  stop(): void {
    this.ended = true;
    this.worker.terminate();
    for (const { failed } of this.waiting.values()) failed(new Fault("stopped"));
    this.waiting.clear();
  }
}
