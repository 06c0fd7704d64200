/** The controls above the wall: which shelf is shown, new faces, and how all of them look. */

import { type App, anySeed } from "./app";
import { button, choice, el, slider, tool } from "./dom";
import { attributesOf, valuesOf } from "./face";
import { isSeed } from "./latents";
import { plain } from "./words";

/** What lies on the wall; given: faces that someone brought. */
export type Shelf = "faces" | "favourites" | "history" | "given";

/** How the faces of the wall look, all of them. */
export interface Look {
  truncation: number;
  labels: Record<string, string>;
}

/** The wall, as its controls see it. */
export interface Shown extends Look {
  shelf: Shelf;
  /** The seed of the first face. */
  first: number;
  empty: boolean;
  turn: (to: Shelf) => void;
  from: (seed: number) => void;
  look: (change: Partial<Look>) => void;
  sheet: () => void;
  forget: () => void;
}

/** Put the controls into `place`, in the visitor's language and as things stand. */
export function fillBar(place: HTMLElement, app: App, wall: Shown): void {
  const { t } = app;
  const active = app.ready && !app.frozen;
  const tabs = (["faces", "favourites", "history"] as const).map((shelf) =>
    button(t(shelf), () => wall.turn(shelf), { class: "tab", "aria-pressed": String(wall.shelf === shelf) }),
  );
  const fresh = tool("dice", t("newFaces"), () => wall.from(anySeed()));
  fresh.classList.add("main");
  fresh.disabled = !active;
  const sheet = tool("sheet", t("sheet"), wall.sheet);
  sheet.title = t("sheetHint");
  sheet.disabled = !active || wall.empty;
  const forget = button(t("forget"), wall.forget, { class: "plain" });
  const own = looks(app, wall, active);
  const adjust = tool("sliders", t("adjust"), () => show(own.hidden !== false));
  const show = (on: boolean): void => {
    own.hidden = !on;
    adjust.setAttribute("aria-expanded", String(on));
  };
  show(place.querySelector<HTMLElement>(".own")?.hidden === false); // as it was
  const more = wall.shelf === "faces" ? adjust : wall.shelf === "history" && !wall.empty && forget;
  const held = controls(place).indexOf(document.activeElement as HTMLElement);
  place.replaceChildren(
    el("div", { class: "tabs", role: "group", "aria-label": t("faces") }, ...tabs),
    el("div", { class: "tools" }, fresh, sheet, more),
    ...(wall.shelf === "faces" ? [own] : []),
  );
  if (held >= 0) controls(place)[held]?.focus(); // who came here by keyboard goes on from here
}

const controls = (place: HTMLElement): HTMLElement[] => [
  ...place.querySelectorAll<HTMLElement>("button, input, select"),
];

/** First seed, truncation, and a choice for each label. */
function looks(app: App, wall: Shown, active: boolean): HTMLElement {
  const { t, model } = app;
  const seed = el("input", {
    inputmode: "numeric",
    value: wall.first,
    autocomplete: "off",
    title: t("seedHint"),
  });
  seed.addEventListener("change", () => {
    const value = Number(seed.value.trim() || Number.NaN);
    if (isSeed(value)) wall.from(value);
    else seed.value = String(wall.first);
  });
  const truncation = slider(
    t("truncation"),
    { least: 0, most: 1.5, step: 0.05, value: wall.truncation },
    (v) => v.toFixed(2),
    (value) => wall.look({ truncation: value }),
    t("truncationHint"),
  );
  let { labels } = wall;
  const choices = attributesOf(model).map((attribute) =>
    choice(
      plain(attribute),
      [["", t("asSeed")], ...valuesOf(model, attribute).map((v): [string, string] => [v, plain(v)])],
      labels[attribute] ?? "",
      (value) => {
        const others = Object.entries(labels).filter(([a]) => a !== attribute);
        labels = Object.fromEntries(value ? [...others, [attribute, value]] : others);
        wall.look({ labels });
      },
    ),
  );
  return el(
    "fieldset",
    { class: "own", disabled: !active },
    el("legend", { class: "spoken" }, t("faces")),
    el("label", { class: "field" }, el("span", { class: "name" }, t("firstSeed")), seed),
    truncation.element,
    ...choices,
  );
}
