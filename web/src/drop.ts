/** A picture that is its own link: dropped on the page or chosen, it opens; two are mixed. */

import type { App } from "./app";
import type { Face } from "./face";
import { facesIn, readFacts } from "./facts";

const LARGEST = 64 << 20;

/** Take files wherever they are dropped. */
export function takeDrops(app: App, open: (faces: readonly Face[]) => void): void {
  const mark = (on: boolean): void => {
    document.body.classList.toggle("dropping", on);
  };
  const files = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") === true;
  document.addEventListener("dragover", (event) => {
    if (!files(event)) return;
    event.preventDefault();
    mark(true);
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget === null && mark(false));
  document.addEventListener("drop", (event) => {
    mark(false);
    if (!files(event)) return;
    event.preventDefault();
    void take(app, [...(event.dataTransfer?.files ?? [])], open);
  });
  document.addEventListener("paste", (event) => {
    const pasted = [...(event.clipboardData?.files ?? [])];
    if (pasted.length) void take(app, pasted, open);
  });
}

/** Find the faces that files name; say what is wrong with one that names none. */
export async function take(
  app: App,
  files: readonly File[],
  open: (faces: readonly Face[]) => void,
): Promise<void> {
  const found: Face[] = [];
  for (const file of files.slice(0, 16)) {
    const bytes = file.size <= LARGEST ? new Uint8Array(await file.arrayBuffer()) : new Uint8Array();
    const said = readFacts(bytes);
    const made = said && facesIn(said, app.site.models);
    if (made) found.push(...made.faces);
    if (said?.phiz === "walk") app.say(app.t("dropWalk", file.name));
    if (!said) app.say(app.t("dropNothing", file.name));
    else if (!made && typeof said.model === "string" && !app.site.models.some((m) => m.hash === said.model)) {
      app.say(app.t("dropForeign", file.name, said.model.slice(0, 16)));
    } else if (!made) app.say(app.t("dropNothing", file.name));
  }
  if (found.length) open(found);
}
