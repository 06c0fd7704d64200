/** What one can do to the face on the stage: more like it, mix, labels, directions. */

import { type App, anySeed } from "./app";
import { button, choice, el, icon, paint, slider, tool } from "./dom";
import { attributesOf, type Face, type Look, lookOf, type Mixing, mixedLook, shown, valuesOf } from "./face";
import { plain } from "./words";

/** The stage, as its panels see it. */
export interface Bench {
  app: App;
  face: () => Face;
  /** Change the face as it stands; it stays the same face to go back to. */
  alter: (change: Partial<Face>) => void;
  /** Put another face on the stage. */
  open: (face: Face) => void;
  /** Wait for a face to be chosen on the wall. */
  pick: (taken: (face: Face) => void) => void;
}

export interface Panel {
  element: HTMLElement;
  /** Another face is on the stage. */
  opened: () => void;
  /** The face has changed a little. */
  altered?: () => void;
}

function section(title: string, ...children: (Node | false)[]): HTMLElement {
  return el("section", {}, el("h2", {}, title), ...children);
}

/** Eight faces near the one on the stage. */
export function likePanel(bench: Bench): Panel {
  const { app } = bench;
  const tiles = Array.from({ length: 8 }, () => {
    const tile = button("", () => undefined, { class: "tile small" });
    tile.append(el("canvas", { "aria-hidden": "true" }));
    return tile;
  });
  const list = el("ul", { class: "likes" }, ...tiles.map((tile) => el("li", {}, tile)));
  let seeds = tiles.map(anySeed);
  let reach = 0.4;
  let stamp = 0;
  const fill = (): void => {
    const mine = ++stamp;
    const face = bench.face();
    for (const [i, tile] of tiles.entries()) {
      const other = lookOf({ seed: seeds[i] });
      const near: Face = {
        ...face,
        ...mixedLook(face, other, { shapes: reach, colours: reach }, app.model.z),
      };
      tile.onclick = () => bench.open(near);
      tile.setAttribute("aria-label", `${app.t("like")} ${i + 1}`);
      void app.engine.draw(near, { when: "soon", wanted: () => mine === stamp }).then((image) => {
        const canvas = tile.querySelector("canvas");
        if (image && canvas) paint(canvas, image);
      });
    }
  };
  let later: ReturnType<typeof setTimeout> | undefined;
  const soon = (): void => {
    clearTimeout(later);
    later = setTimeout(fill, 120);
  };
  const far = slider(
    app.t("likeHint"),
    { least: 0.1, most: 0.6, step: 0.05, value: reach },
    (v) => (v < 0.4 ? app.t("near") : app.t("far")),
    (value) => {
      reach = value;
      soon();
    },
  );
  const again = tool(
    "dice",
    app.t("like"),
    () => {
      seeds = tiles.map(anySeed);
      fill();
    },
    true,
  );
  const title = el("div", { class: "head" }, el("h2", {}, app.t("like")), again);
  return {
    element: el("section", {}, title, list, far.element),
    opened: () => {
      seeds = tiles.map(anySeed);
      fill();
    },
    altered: soon,
  };
}

/** The face on the stage and another, and all that lies between. */
export function mixPanel(bench: Bench): Panel & { between: (from: Face, to: Face) => void } {
  const { app } = bench;
  const t = app.t;
  const ends = [0, 1].map(() => el("canvas", { class: "end-face", "aria-hidden": "true" }));
  const whole = (face: Face): Look => lookOf(face.origin, face.fine);
  let from = whole(bench.face());
  let to = lookOf({ seed: anySeed() });
  let at: Mixing = { shapes: 0, colours: 0 };
  let what = "all" as keyof Mixing | "all";
  const thumbs = (): void => {
    for (const [i, look] of [from, to].entries()) {
      void app.engine
        .draw({ ...bench.face(), ...look }, { when: "soon" })
        .then((image) => image && paint(ends[i], image));
    }
  };
  const mix = (value: number): void => {
    at = what === "all" ? { shapes: value, colours: value } : { ...at, [what]: value };
    bench.alter(mixedLook(from, to, at, app.model.z));
  };
  const halfway = (): void => {
    between.set(0.5);
    mix(0.5);
    thumbs();
  };
  const between = slider(
    t("mixHint"),
    { least: 0, most: 1, step: 0.01, value: 0 },
    (v) => `${Math.round(100 * v)} %`,
    mix,
  );
  between.input.setAttribute("aria-label", t("mixHint"));
  const reset = (): void => {
    from = whole(bench.face());
    to = lookOf({ seed: anySeed() });
    at = { shapes: 0, colours: 0 };
    between.set(0);
    thumbs();
  };
  const pick = button(
    t("mixWith"),
    () =>
      bench.pick((face) => {
        to = whole(face);
        halfway();
      }),
    { class: "plain" },
  );
  pick.prepend(icon("mix"));
  const row = el("div", { class: "mix" }, ends[0], between.element, ends[1]);
  const kinds: [typeof what, string][] = [
    ["all", t("mixAll")],
    ["shapes", t("mixShapes")],
    ["colours", t("mixColours")],
  ];
  const kind =
    app.model.mixes === true &&
    choice(t("mixWhat"), kinds, what, (value) => {
      what = value as typeof what;
      between.set(what === "colours" ? at.colours : at.shapes);
    });
  return {
    element: section(t("mix"), row, el("div", { class: "mixing" }, kind, pick)),
    opened: reset,
    between: (a, b) => {
      [from, to] = [whole(a), whole(b)];
      halfway();
    },
  };
}

/** A choice for each of the model's labels. */
export function labelsPanel(bench: Bench): Panel {
  const { app } = bench;
  const place = el("div", { class: "choices" });
  const but = (labels: Readonly<Record<string, string>>, attribute: string): Record<string, string> =>
    Object.fromEntries(Object.entries(labels).filter(([a]) => a !== attribute));
  const bySeed = (attribute: string): string => {
    const labels = but(bench.face().labels, attribute);
    return app.t("asSeedShows", plain(shown(app.model, { ...bench.face(), labels })[attribute]));
  };
  const fill = (): void => {
    const choices = attributesOf(app.model).map((attribute) =>
      choice(
        plain(attribute),
        [
          ["", bySeed(attribute)],
          ...valuesOf(app.model, attribute).map((v): [string, string] => [v, plain(v)]),
        ],
        bench.face().labels[attribute] ?? "",
        (value) => {
          const rest = but(bench.face().labels, attribute);
          bench.alter({ labels: value ? { ...rest, [attribute]: value } : rest });
          app.say(Object.values(shown(app.model, bench.face())).map(plain).join(", "));
        },
      ),
    );
    place.replaceChildren(...choices);
  };
  // What one label shows may no longer go with another; a choice that is open keeps its place.
  const altered = (): void => {
    const attributes = attributesOf(app.model);
    for (const [i, select] of place.querySelectorAll("select").entries()) {
      select.options[0].text = bySeed(attributes[i]);
    }
  };
  return { element: section(app.t("labels"), place), opened: fill, altered };
}

const REACH = 4;

/** A slider for each of the model's directions. */
export function directionsPanel(bench: Bench): Panel {
  const { app } = bench;
  const { names } = app.model.directions;
  const sliders = names.map((name, i) =>
    slider(
      name || app.t("direction", i + 1),
      { least: -REACH, most: REACH, step: 0.1, value: 0 },
      (v) => (v > 0 ? "+" : "") + v.toFixed(1),
      (value) => bench.alter({ moves: { ...bench.face().moves, [i]: value } }),
    ),
  );
  const set = (): void => {
    for (const [i, one] of sliders.entries()) one.set(bench.face().moves[i] ?? 0);
  };
  const reset = button(
    app.t("reset"),
    () => {
      bench.alter({ moves: {} });
      set();
    },
    { class: "plain" },
  );
  return { element: section(app.t("directions"), ...sliders.map((one) => one.element), reset), opened: set };
}
