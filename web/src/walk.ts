/** A walk: from a face past others and back, on the stage and as a GIF. */

import type { App } from "./app";
import { anySeed } from "./app";
import { type Face, latentOf } from "./face";
import { slerp, step } from "./latents";

export const SECONDS = 6;
export const KEYS = 4;

/** The latents of the faces that a walk passes: of a seed, those that follow it; else seeds at random. */
export function stopsOf(app: App, face: Face): Float32Array[] {
  const { model, engine } = app;
  const origins = Array.from({ length: KEYS }, (_, i) => {
    if (i === 0) return face.origin;
    return { seed: "seed" in face.origin ? face.origin.seed + i : anySeed() };
  });
  return origins.map((origin) => latentOf(origin, model.z, face.moves, engine.directions));
}

/** The latent of a walk at a frame of so many. */
export function at(stops: readonly Float32Array[], frame: number, frames: number): Float32Array {
  const { key, next, eased } = step(frame, frames, stops.length);
  return Float32Array.from(slerp(stops[key], stops[next], eased));
}

/** A walk that runs until it is stopped. `shown` is told every frame. */
export class Walk {
  private running = true;
  /** Frames shown in the last second. */
  rate = 0;

  constructor(app: App, face: Face, shown: (image: ImageData) => void) {
    const { engine } = app;
    const stops = stopsOf(app, face);
    const frames = SECONDS * 1000;
    let from = 0;
    let flying = 0;
    let newest = 0;
    let times: number[] = [];
    const turn = (now: number): void => {
      if (!this.running || engine !== app.engine) return;
      requestAnimationFrame(turn);
      from ||= now;
      if (flying >= 2) return; // one is made while the other is on its way
      flying++;
      const order = now;
      const origin = at(stops, Math.floor((now - from) % frames), frames);
      void engine.draw(face, { when: "now", origin }).then((image) => {
        flying--;
        if (!image || !this.running || order < newest) return;
        newest = order;
        times = [...times.filter((time) => time > order - 1000), order];
        this.rate = times.length;
        shown(image);
      });
    };
    requestAnimationFrame(turn);
  }

  stop(): void {
    this.running = false;
  }
}
