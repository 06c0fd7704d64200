/** What the page says of the model: a card in plain words, its licence, and what makes the faces. */

import type { App } from "./app";
import { choice, el } from "./dom";
import type { Means } from "./maker";

/** Fill the card, and again whenever something of it changes. */
export function card(app: App, place: HTMLElement): void {
  const fill = (): void => {
    const { t, model } = app;
    const { card: said } = model;
    const learned = [said.faces && t("countFaces", said.faces.toLocaleString()), said.learned_from];
    const figures = Object.entries(said.figures).map(
      ([name, value]) => `${name} ${Number(value.toPrecision(4))}`,
    );
    const offline = app.site.offline !== null && "serviceWorker" in navigator; // which needs https, or this machine
    const megabytes = (model.bytes / 1e6).toFixed(1);
    const rows: [string, string | null][] = [
      [t("author"), said.author],
      [t("licence"), said.licence],
      [t("learnedFrom"), learned.filter(Boolean).join(", ") || null],
      [t("faceset"), said.faceset?.slice(0, 12) ?? null],
      [t("copying"), said.copying?.verdict ?? t("notLooked")],
      [t("network"), said.network],
      [t("weights"), t("weightsOf", said.weights.toLocaleString(), megabytes)],
      [t("recipe"), said.recipe],
      [t("figures"), figures.join(", ") || null],
      [t("hash"), model.hash],
    ];
    const list = el("dl");
    for (const [name, value] of rows) if (value) list.append(el("dt", {}, name), el("dd", {}, value));
    place.replaceChildren(
      el("h2", {}, t("about")),
      el("p", { class: "lead" }, app.row(t("nobody"), t("limits"))),
      list,
      ...(app.frozen ? [] : [backend(app)]),
      el("p", { class: "quiet" }, app.row(t("private"), offline && t("install"))),
      el("p", { class: "quiet" }, `phiz ${app.site.phiz}`),
    );
  };
  for (const news of ["model", "ready", "measured", "frozen", "language"] as const) app.on(news, fill);
  fill();
}

function backend(app: App): HTMLElement {
  const { t, engine } = app;
  const all: Means[] = ["wasm", "threads", "webgpu"];
  const names = all.map((means): [string, string] => {
    const why = engine.means === means ? null : engine.refused.get(means);
    return [means, why ? `${t(means)} (${why})` : t(means)];
  });
  const said = app.ready ? t("ready", Math.max(1, Math.round(engine.milliseconds))) : t("starting");
  const made = choice(t("backend"), names, engine.means ?? "wasm", (value) => app.switchTo(value as Means));
  return el("div", { class: "backend" }, made, el("p", { class: "quiet" }, said));
}
