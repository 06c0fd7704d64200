/** The page's side of making faces: which means run, and whose face is next. */

import { attributesOf, type Face, labelsOf, latentOf } from "./face";
import { drawLabels } from "./latents";
import { Fault, Maker, type Means } from "./maker";
import type { Backend, Start } from "./orders";
import { directionsOf, type Model, type Site } from "./site";
import type { Surroundings } from "./surroundings";

export interface Progress {
  done: number;
  total: number;
}

/** Slower than so many milliseconds a face, other means are worth a try. */
const SLOW = 20;
const FASTER = 0.85;
/** So many faces in a row that cannot be made, and none will be. */
const FAULTS = 2;

type Pixels = Uint8ClampedArray<ArrayBuffer>;

interface Job {
  face: Face;
  origin: Float32Array;
  wanted: () => boolean;
  done: (image: ImageData | null) => void;
}

/** Makes faces of one model, the most wanted first, by the best means that pass the self-test. */
export class Engine {
  private maker: Maker | null = null;
  private urgent: Job[] = [];
  private patient: Job[] = [];
  private running = 0;
  /** Faces in a row that could not be made. */
  private faults = 0;
  private stopped = false;
  readonly directions: Float32Array[];
  /** Means that were tried and why they are not used. */
  readonly refused = new Map<Means, string>();

  constructor(
    private readonly site: Site,
    readonly model: Model,
    private readonly around: Surroundings,
    /** Told when what made faces makes none any more, such as a graphics card after sleep. */
    private readonly lost: (means: Means, reason: string) => void = () => undefined,
  ) {
    this.directions = directionsOf(model);
  }

  get means(): Means | null {
    return this.maker?.means ?? null;
  }

  get milliseconds(): number {
    return this.maker?.milliseconds ?? 0;
  }

  /** Get ready by the first means that work: the asked-for one, then the others. */
  async start(asked: Means | null, progress: (p: Progress) => void): Promise<Means> {
    const all: Means[] = ["wasm", "threads", "webgpu"];
    const order = asked ? [asked, ...all.filter((means) => means !== asked)] : all;
    for (const means of order) {
      const maker = await this.attempt(means, progress);
      if (this.stopped) {
        maker?.stop();
        throw new Fault("another model took over");
      }
      if (!maker) continue;
      this.take(maker);
      return maker.means;
    }
    throw new Fault([...this.refused.values()][0] ?? "nothing to make faces with");
  }

  /** Where faces are slow, try the other means, and take one that is faster. */
  async improve(): Promise<boolean> {
    await this.maker?.measure();
    if (this.maker?.means !== "wasm" || this.maker.milliseconds < SLOW) return false;
    for (const means of ["webgpu", "threads"] as const) {
      if (means === "threads" && this.around.cores < 2) continue;
      const other = this.stopped ? null : await this.attempt(means, () => undefined);
      if (!other) continue;
      await other.measure().catch(() => undefined);
      if (!this.stopped && other.milliseconds < FASTER * this.maker.milliseconds) {
        this.take(other);
        return true;
      }
      this.refused.set(means, `${Math.round(other.milliseconds)} ms a face`);
      other.stop();
    }
    return false;
  }

  private take(maker: Maker): void {
    const before = this.maker;
    this.maker = maker;
    this.faults = 0;
    this.pump();
    before?.retire(); // what it is making still comes
  }

  private async attempt(means: Means, progress: (p: Progress) => void): Promise<Maker | null> {
    const backend: Backend = means === "webgpu" ? "webgpu" : "wasm";
    const runtime = this.site.runtimes[backend];
    const why = !runtime
      ? "not part of this page"
      : means === "threads" && !this.around.isolated
        ? "not isolated"
        : means === "webgpu" && !(await this.around.adapter())
          ? "no adapter"
          : null;
    if (why || !runtime) {
      this.refused.set(means, why ?? "");
      return null;
    }
    const loaded: Record<string, number> = {};
    let maker: Maker | null = null;
    try {
      maker = new Maker(means, this.around.worker(), this.model);
      await maker.start(
        this.order(backend, means === "threads" ? Math.min(4, Math.max(2, this.around.cores)) : 1),
        (part, done) => {
          loaded[part] = done;
          const sum = Object.values(loaded).reduce((a, b) => a + b, 0);
          progress({ done: sum, total: runtime.bytes + this.model.bytes });
        },
      );
      return maker;
    } catch (fault) {
      this.refused.set(means, fault instanceof Error ? fault.message : String(fault));
      maker?.stop();
      return null;
    }
  }

  private order(backend: Backend, threads: number): Start {
    const { model, site } = this;
    const runtime = site.runtimes[backend] ?? site.runtimes.wasm;
    const counts = attributesOf(model).map((a) => model.frequencies[a]);
    return {
      kind: "start",
      backend,
      threads,
      runtime: {
        ort: this.around.part(runtime.ort),
        glue: this.around.part(runtime.glue),
        between: this.around.part(runtime.between),
        binary: this.around.part(runtime.binary),
      },
      weights: this.around.part(model.weights),
      size: model.size,
      z: model.z,
      range: model.output_range,
      mixes: model.mixes ?? false,
      golden: {
        ...model.golden,
        labels: model.golden.seeds.map((seed) => drawLabels(seed, counts, model.pairs)),
      },
    };
  }

  /** Make a face; null where nobody wants it any more. */
  draw(face: Face, { when = "later", wanted = () => true, origin }: Wish = {}): Promise<ImageData | null> {
    return new Promise((done) => {
      const values = origin ?? latentOf(face.origin, this.model.z, face.moves, this.directions);
      const job = { face, origin: values, wanted, done };
      if (when === "now") this.urgent.unshift(job);
      else if (when === "soon") this.urgent.push(job);
      else this.patient.push(job);
      this.pump();
    });
  }

  /** Make a face larger, by the network that the model was published with; null where that fails. */
  async enlarge(image: ImageData): Promise<ImageData | null> {
    const { larger, size } = this.model;
    if (!larger || !this.maker || image.width !== size) return null;
    try {
      const weights = this.around.part(larger.weights);
      const pixels = await this.maker.enlarge(weights, larger.times, image.data as Pixels, size);
      return new ImageData(pixels, size * larger.times, size * larger.times);
    } catch {
      return null;
    }
  }

  private fineOf({ fine, moves }: Face): Float32Array | undefined {
    return fine && latentOf(fine, this.model.z, moves, this.directions);
  }

  private pump(): void {
    while (this.maker && this.running < 2 && !this.stopped) {
      const job = this.urgent.shift() ?? this.patient.shift();
      if (!job) return;
      if (!job.wanted()) {
        job.done(null);
        continue;
      }
      this.running++;
      const { size } = this.model;
      const { maker } = this;
      maker
        .draw(job.origin, job.face.truncation, labelsOf(this.model, job.face), this.fineOf(job.face))
        .then((pixels) => {
          this.faults = 0;
          job.done(new ImageData(pixels, size, size));
        })
        .catch((fault) => {
          job.done(null);
          this.failed(maker, fault);
        })
        .finally(() => {
          this.running--;
          this.pump();
        });
    }
  }

  private failed(maker: Maker, fault: unknown): void {
    if (this.stopped || maker !== this.maker) return;
    this.faults++;
    if (this.faults === FAULTS)
      this.lost(maker.means, fault instanceof Error ? fault.message : String(fault));
  }

  /** Stop for good: another model takes over. */
  stop(): void {
    this.stopped = true;
    this.maker?.stop();
    for (const job of [...this.urgent, ...this.patient]) job.done(null);
    this.urgent = [];
    this.patient = [];
  }
}

export interface Wish {
  /** Now: before all others. Soon: before the wall. */
  when?: "now" | "soon" | "later";
  wanted?: () => boolean;
  /** Its latent, where that is known. */
  origin?: Float32Array;
}
