/** Making elements, and the few controls that the page is built of. */

type Attributes = Record<string, string | number | boolean | null | undefined>;
type Child = Node | string | null | false | undefined;

export function el<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(...children.filter((child): child is Node | string => Boolean(child)));
  return element;
}

export function button(label: string, act: () => void, attributes: Attributes = {}): HTMLButtonElement {
  const made = el("button", { type: "button", ...attributes }, label);
  made.addEventListener("click", act);
  return made;
}

const SHAPES: Record<string, string> = {
  heart: "M12 20.3 4.6 13a4.7 4.7 0 0 1 0-6.7 4.7 4.7 0 0 1 6.7 0l.7.7.7-.7a4.7 4.7 0 0 1 6.7 6.7z",
  link: "M10 14a4 4 0 0 0 5.7 0l3.5-3.5a4 4 0 0 0-5.7-5.7L12 6.3M14 10a4 4 0 0 0-5.7 0l-3.5 3.5a4 4 0 0 0 5.7 5.7l1.5-1.5",
  save: "M12 4v11m0 0 4.5-4.5M12 15l-4.5-4.5M5 19.5h14",
  film: "M4 6h16v12H4zM8 6v12M16 6v12M4 12h4m8 0h4",
  play: "M8 5.5v13l10.5-6.5z",
  stop: "M7 7h10v10H7z",
  large: "M14 4.5h5.5V10M19.5 4.5 13 11M10 19.5H4.5V14M4.5 19.5 11 13",
  left: "M14.5 5.5 8 12l6.5 6.5",
  right: "M9.5 5.5 16 12l-6.5 6.5",
  dice: "M6 4h12a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2zM8.6 8.6h.01M15.4 8.6h.01M12 12h.01M8.6 15.4h.01M15.4 15.4h.01",
  close: "M6 6l12 12M18 6 6 18",
  theme: "M12 3.5a8.5 8.5 0 1 0 0 17zM12 3.5a8.5 8.5 0 0 1 0 17",
  sheet: "M4.5 4.5h6v6h-6zM13.5 4.5h6v6h-6zM4.5 13.5h6v6h-6zM13.5 13.5h6v6h-6z",
  open: "M12 16V5m0 0L7.5 9.5M12 5l4.5 4.5M5 19.5h14",
  sliders: "M4 8h9M19 8h1M4 16h1M11 16h9M16 5.5v5M8 13.5v5",
  mix: "M9.5 17a5.5 5.5 0 1 1 0-11 5.5 5.5 0 0 1 0 11zM14.5 18a5.5 5.5 0 1 1 0-11 5.5 5.5 0 0 1 0 11z",
};

/** A small drawing beside a word; screen readers pass it by. */
export function icon(name: keyof typeof SHAPES): SVGSVGElement {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const path = document.createElementNS(space, "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("icon", name);
  path.setAttribute("d", SHAPES[name]);
  svg.append(path);
  return svg;
}

/** A button with a drawing; its word is shown, or only spoken. */
export function tool(shape: string, label: string, act: () => void, quiet = false): HTMLButtonElement {
  const made = button("", act, { class: quiet ? "tool quiet" : "tool", title: quiet ? label : null });
  made.append(icon(shape), el("span", { class: quiet ? "spoken" : "word" }, label));
  return made;
}

export interface Slider {
  element: HTMLElement;
  input: HTMLInputElement;
  set: (value: number) => void;
}

/** A labelled slider that shows its value. */
export function slider(
  label: string,
  range: { least: number; most: number; step: number; value: number },
  say: (value: number) => string,
  moved: (value: number) => void,
  hint?: string,
): Slider {
  const input = el("input", { type: "range", min: range.least, max: range.most, step: range.step });
  const shown = el("output", { "aria-hidden": "true" });
  const set = (value: number): void => {
    input.value = String(value);
    shown.value = say(value);
    input.setAttribute("aria-valuetext", say(value));
    const share = (value - range.least) / (range.most - range.least);
    input.style.setProperty("--share", `${Math.min(1, Math.max(0, share)) * 100}%`);
  };
  input.addEventListener("input", () => {
    set(Number(input.value));
    moved(Number(input.value));
  });
  set(range.value);
  return {
    element: el(
      "label",
      { class: "slider", title: hint ?? null },
      el("span", { class: "name" }, label),
      input,
      shown,
    ),
    input,
    set,
  };
}

/** A labelled choice. */
export function choice(
  label: string,
  options: readonly [value: string, text: string][],
  value: string,
  chosen: (value: string) => void,
): HTMLLabelElement {
  const select = el(
    "select",
    {},
    ...options.map(([v, text]) => el("option", { value: v, selected: v === value }, text)),
  );
  select.addEventListener("change", () => chosen(select.value));
  return el("label", { class: "choice" }, el("span", { class: "name" }, label), select);
}

/** Put a face on a canvas. */
export function paint(canvas: HTMLCanvasElement, image: ImageData): void {
  if (canvas.width !== image.width) canvas.width = image.width;
  if (canvas.height !== image.height) canvas.height = image.height;
  canvas.getContext("2d")?.putImageData(image, 0, 0);
}
