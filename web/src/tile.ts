/** A face of the wall: it looks about when one points at it, and can be dragged onto another. */

import { type App, anySeed, moves } from "./app";
import { type Face, latentOf } from "./face";
import { latent } from "./latents";
import type { Part } from "./site";

export interface Tile {
  face: Face;
  item: HTMLLIElement;
  button: HTMLButtonElement;
  seen: boolean;
  live: boolean;
  /** Counts its drawings: of all that were asked for, the last one is wanted. */
  stamp: number;
}

/** Let a face look about for a moment: a small round in the space of latents. */
export function wake(app: App, tile: Tile, put: (image: ImageData) => void): void {
  if (!app.ready || !moves() || app.engine.milliseconds > 40 || tile.face.model !== app.model.hash) return;
  const { engine, model } = app;
  const rest = latentOf(tile.face.origin, model.z, tile.face.moves, engine.directions);
  const [a, b] = [latent(anySeed(), model.z), latent(anySeed(), model.z)];
  let from = 0;
  const turn = (now: number): void => {
    from ||= now;
    const t = (now - from) / 2400;
    const awake = tile.button.matches(":hover, :focus-visible");
    if (t >= 1 || !tile.item.isConnected || !awake || engine !== app.engine) {
      void engine.draw(tile.face, { when: "now", origin: rest }).then((image) => image && put(image));
      return;
    }
    const reach = 0.45 * Math.sin(Math.PI * t);
    const [x, y] = [reach * Math.cos(6.3 * t), reach * Math.sin(6.3 * t)];
    const origin = rest.map((value, i) => value + x * a[i] + y * b[i]);
    void engine.draw(tile.face, { when: "now", origin }).then((image) => {
      if (image) put(image);
      requestAnimationFrame(turn);
    });
  };
  requestAnimationFrame(turn);
}

/** Let a face be dragged, and take others that are dropped on it. */
export function makeDraggable(
  app: App,
  made: HTMLButtonElement,
  face: Face,
  dropped: (from: Face, onto: Face) => void,
): void {
  made.addEventListener("dragstart", (event) => {
    event.dataTransfer?.setData("text/x-phiz", app.idOf(face));
  });
  made.addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("text/x-phiz")) return;
    event.preventDefault();
    made.classList.add("over");
  });
  made.addEventListener("dragleave", () => made.classList.remove("over"));
  made.addEventListener("drop", (event) => {
    made.classList.remove("over");
    const other = app.faceOf(event.dataTransfer?.getData("text/x-phiz") ?? "");
    if (!other) return;
    event.preventDefault();
    event.stopPropagation();
    dropped(other, face);
  });
}

/** The first faces of a model, as addresses of pictures. */
export async function readPictures(part: Part): Promise<string[]> {
  try {
    if (typeof part !== "string") return JSON.parse(new TextDecoder().decode(part)) as string[];
    return (await (await fetch(part)).json()) as string[];
  } catch {
    return [];
  }
}
