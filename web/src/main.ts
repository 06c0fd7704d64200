/** The page: puts its parts together. */

import { App, moves } from "./app";
import { card } from "./card";
import { button, choice, el, tool } from "./dom";
import { take, takeDrops } from "./drop";
import type { Face } from "./face";
import { fromLink } from "./link";
import { readSite } from "./site";
import { Stage } from "./stage";
import { Store } from "./store";
import { Wall } from "./wall";
import { LANGUAGES, type Language } from "./words";

const THEMES = ["auto", "light", "dark"] as const;
type Theme = (typeof THEMES)[number];

const $ = (id: string): HTMLElement => document.getElementById(id) as HTMLElement;

function paintTheme(theme: Theme): void {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

async function main(): Promise<void> {
  const site = readSite();
  const app = new App(site, Store.passing());
  const linked = linkedFace(app);
  if (linked && linked.model !== app.model.hash) {
    app.use(site.models.find((m) => m.hash === linked.model) ?? app.model);
  } else void app.start(); // first of all: it takes the longest
  const store = await Store.open();
  app.store = store;
  const language = await store.get<Language>("settings", "language");
  let theme = (await store.get<Theme>("settings", "theme")) ?? "auto";
  app.speak(language && language in LANGUAGES ? language : app.language);
  paintTheme(theme);
  for (const { id } of await store.list("favourites")) app.favourites.add(id);

  const start: Face = {
    model: app.model.hash,
    origin: { seed: app.model.wall.seed },
    truncation: 1,
    labels: {},
    moves: {},
  };
  const wall = new Wall(
    app,
    $("faces"),
    (face) => stage.open(face),
    (from, onto) => stage.between(from, onto),
  );
  const stage = new Stage(app, $("stage"), linked ?? start); // which shows a picture of the wall at first
  if (linked) stage.reveal(true);
  else if (location.hash.length > 1) app.say(app.t("badLink"));

  const open = (faces: readonly Face[]): void => {
    if (faces.length === 2) stage.between(faces[0], faces[1]);
    else if (faces.length > 2) {
      if (faces[0].model !== app.model.hash) stage.open(faces[0]);
      wall.show(faces);
    } else stage.open(faces[0]);
  };
  takeDrops(app, open);
  dropOnStage(app, stage);

  const header = (): void => {
    const { t } = app;
    const chooser = el("input", {
      type: "file",
      accept: "image/*",
      multiple: true,
      class: "spoken",
      tabindex: -1,
      "aria-label": t("open"),
    });
    chooser.addEventListener("change", () => {
      void take(app, [...(chooser.files ?? [])], open);
      chooser.value = "";
    });
    const languages = choice(t("language"), Object.entries(LANGUAGES), app.language, (value) => {
      void store.set("settings", "language", value);
      app.speak(value as Language);
      $("settings").querySelector<HTMLElement>(".language select")?.focus();
    });
    languages.classList.add("language", "bare");
    const themes = tool(
      "theme",
      `${t("theme")}: ${t(themeWord(theme))}`,
      () => {
        theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
        paintTheme(theme);
        void store.set("settings", "theme", theme);
        header();
        $("settings").querySelector<HTMLElement>(".themes")?.focus();
      },
      true,
    );
    themes.classList.add("themes");
    const models =
      site.models.length > 1 &&
      choice(
        t("model"),
        site.models.map((m): [string, string] => [m.hash, m.name]),
        app.model.hash,
        (hash) => {
          const model = site.models.find((m) => m.hash === hash);
          if (!model) return;
          stage.open({ ...start, model: hash, origin: { seed: model.wall.seed } }, true);
          stage.address.follow();
        },
      );
    $("models").replaceChildren(...(models ? [models] : []));
    $("settings").replaceChildren(
      chooser,
      tool("open", t("open"), () => chooser.click(), true),
      themes,
      languages,
    );
    $("synthetic").textContent = t("synthetic");
    $("title").textContent = site.title || t("title");
    document.title = site.title || t("title");
    const { author, licence } = app.model.card;
    const about = button(
      t("about"),
      () => $("card").scrollIntoView({ behavior: moves() ? "smooth" : "auto" }),
      {
        class: "plain",
      },
    );
    $("rights").replaceChildren(`${author} · ${licence} · `, about);
    const { learned_from } = app.model.card;
    $("lead").textContent = app.row(t("nobody"), learned_from && t("learned", learned_from));
    $("dropzone").textContent = t("drop");
  };
  const state = (): void => {
    const bar = $("loading");
    bar.hidden = app.ready || app.frozen !== null;
    bar.setAttribute("aria-label", app.t("starting"));
    bar.setAttribute("aria-valuenow", String(Math.round(100 * app.progress)));
    bar.style.setProperty("--share", `${100 * app.progress}%`);
    const trouble = $("trouble");
    trouble.hidden = app.frozen === null;
    trouble.textContent = app.frozen === null ? "" : app.t("frozen", app.frozen);
    document.documentElement.dataset.state = app.frozen !== null ? "frozen" : app.ready ? "ready" : "loading";
    if (app.ready) document.documentElement.dataset.means = app.engine.means ?? "";
  };
  for (const news of ["progress", "ready", "frozen", "model", "language"] as const) app.on(news, state);
  for (const news of ["language", "model"] as const) app.on(news, header);
  header();
  card(app, $("card"));
  state();

  addEventListener("popstate", () => {
    const face = linkedFace(app);
    if (face) {
      stage.open(face, true);
      stage.reveal(true);
    } else stage.home(start);
  });

  if (app.frozen) app.tell("frozen");
  else if (app.ready) app.tell("ready");
  if (!store.lasts) app.say(app.t("storage"));
  const { offline } = site;
  if (!offline || !("serviceWorker" in navigator)) return;
  const keep = (): void => void navigator.serviceWorker.register(offline).catch(() => undefined);
  if (app.ready) keep();
  else app.addEventListener("ready", keep, { once: true });
}

const themeWord = (theme: Theme) =>
  theme === "auto" ? "themeAuto" : theme === "light" ? "themeLight" : "themeDark";

function linkedFace(app: App): Face | null {
  return location.hash.length > 1 ? fromLink(location.hash, app.site.models, app.model) : null;
}

/** A face of the wall that is dropped on the one on the stage is mixed with it. */
function dropOnStage(app: App, stage: Stage): void {
  const place = $("stage");
  place.addEventListener(
    "dragover",
    (event) => event.dataTransfer?.types.includes("text/x-phiz") && event.preventDefault(),
  );
  place.addEventListener("drop", (event) => {
    const face = app.faceOf(event.dataTransfer?.getData("text/x-phiz") ?? "");
    if (!face) return;
    event.preventDefault();
    event.stopPropagation();
    stage.between(stage.shown, face);
  });
}

void main();
