/** What a visitor takes along: a face as PNG, its walk as GIF, the wall as a sheet, and the link. */

import type { App } from "./app";
import type { Face } from "./face";
import { factsOf, fileName } from "./facts";
import { download, gif, png } from "./files";
import { toLink } from "./link";
import { enlarged, sheetOf } from "./sheet";
import { at, KEYS, SECONDS, stopsOf } from "./walk";

const FILM = { fps: 20, side: 128 };

/** Copy the address that holds this very face. */
export async function copyLink(app: App, face: Face): Promise<void> {
  const address = `${location.href.split("#")[0]}#${toLink(face, app.site.models)}`;
  try {
    await navigator.clipboard.writeText(address);
    app.say(app.t("copied"));
  } catch {
    app.say(`${app.t("copyThis")} ${address}`);
  }
}

/** Download a face as PNG, as it is made or made larger. */
export async function savePng(app: App, face: Face, large = false): Promise<void> {
  const made = await app.engine.draw(face, { when: "now" });
  const image = made && large ? await app.engine.enlarge(made) : made;
  if (!image) {
    if (made) app.say(app.t("largeFailed"));
    return;
  }
  const plain = fileName(face, "png");
  const name = large ? plain.replace(".png", "-large.png") : plain;
  const { larger } = app.model;
  const said = factsOf([face], app.model, app.engine.directions);
  if (large && larger) Object.assign(said, { upscaler: larger.hash, scale: larger.times });
  download(await png(enlarged(image, image.width), said), name);
  app.say(app.t("saved", name));
}

/** Download the walk from a face as a film that loops. */
export async function saveGif(app: App, face: Face): Promise<void> {
  const stops = stopsOf(app, face);
  const count = SECONDS * FILM.fps;
  const frames: ImageData[] = [];
  const side = app.model.size * Math.max(1, Math.ceil(FILM.side / app.model.size));
  for (let f = 0; f < count; f++) {
    const image = await app.engine.draw(face, { origin: at(stops, f, count) });
    const paper = image && enlarged(image, side).getContext("2d");
    if (!paper) return;
    frames.push(paper.getImageData(0, 0, side, side));
    if (f % 6 === 0) app.say(app.t("making", f, count));
  }
  const said = { ...factsOf([face], app.model, app.engine.directions), phiz: "walk" };
  const film = { keys: KEYS, frames: count, fps: FILM.fps };
  const name = fileName(face, "gif");
  download(gif(frames, FILM.fps, { ...said, ...film }), name);
  app.say(app.t("saved", name));
}

/** Download faces as one picture. */
export async function saveSheet(app: App, faces: readonly Face[]): Promise<void> {
  const images: ImageData[] = [];
  for (const face of faces) {
    const image = await app.engine.draw(face, { when: "now" });
    if (!image) return;
    images.push(image);
    app.say(app.t("making", images.length, faces.length));
  }
  const { canvas, grid } = sheetOf(images);
  const said = factsOf(faces, app.model, app.engine.directions, grid);
  download(await png(canvas, said), "faces.png");
  app.say(app.t("saved", "faces.png"));
}
