/** The stage: one face, large, and all that can be done with it. */

import { Address } from "./address";
import { type App, anySeed } from "./app";
import { el, icon, paint, slider, tool } from "./dom";
import { type Face, isOfSeeds, lookOf, type Origin, originText, readOrigin } from "./face";
import { fileName } from "./facts";
import { MAX_SEED } from "./latents";
import { toLink } from "./link";
import { type Bench, directionsPanel, labelsPanel, likePanel, mixPanel, type Panel } from "./panels";
import { copyLink, saveGif, savePng } from "./saving";
import { Walk } from "./walk";

/** Milliseconds without a change after which a face is made larger. */
const SETTLED = 120;

/** Text as one word of a shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

export class Stage {
  private face: Face;
  private walk: Walk | null = null;
  private canvas = el("canvas", { role: "img" });
  private seed = el("input", { autocomplete: "off", spellcheck: "false", inputmode: "text" });
  private keepTool: HTMLButtonElement | null = null;
  private walkTool: HTMLButtonElement | null = null;
  private largeTool: HTMLButtonElement | null = null;
  private large = false;
  private truncation: ReturnType<typeof slider> | null = null;
  private panels: Panel[] = [];
  private mix: ReturnType<typeof mixPanel> | null = null;
  private picking: ((face: Face) => void) | null = null;
  private stamp = 0;
  readonly address = new Address(() => `#${toLink(this.face, this.app.site.models)}`);
  /** What is spoken when another face is put here. */
  private spoken = el("p", { class: "spoken", role: "status" });
  private narrow = matchMedia("(max-width: 820px)");
  private bench: Bench;

  constructor(
    private readonly app: App,
    private readonly place: HTMLElement,
    first: Face,
  ) {
    this.face = { ...first };
    this.bench = {
      app,
      face: () => this.face,
      alter: (change) => this.alter(change),
      open: (face) => this.open(face),
      pick: (taken) => {
        this.picking = taken;
        this.hide();
        app.say(app.t("mixPick"));
      },
    };
    this.seed.addEventListener("change", () => this.typed());
    this.furnish();
    app.on("ready", () => this.refresh());
    app.on("language", () => this.furnish());
    app.on("favourites", () => this.mark());
    this.narrow.addEventListener("change", () => this.cover());
    place.addEventListener("keydown", (event) => event.key === "Escape" && this.leave());
  }

  /** The face that is shown. */
  get shown(): Face {
    return this.face;
  }

  /** Put a face on the stage; `quiet` where the visitor did not ask for it. */
  open(face: Face, quiet = false): void {
    const other = face.model !== this.app.model.hash;
    const taken = quiet ? null : this.picking;
    this.picking = null;
    if (taken && other) this.app.say(this.app.t("mixOther"));
    else if (taken) {
      this.reveal();
      taken(face);
      return;
    }
    if (quiet) this.address.settle();
    else this.address.finish();
    this.still();
    this.face = { ...face }; // the wall may alter its own
    if (other) {
      const model = this.app.site.models.find((m) => m.hash === face.model);
      if (model) this.app.use(model);
    }
    if (other) this.furnish();
    else this.refresh();
    if (quiet) return;
    this.reveal();
    void this.app.store.note(this.app.idOf(face)).then(() => this.app.tell("history"));
    this.address.turn();
    this.app.tell("face");
  }

  /** Mix two faces, halfway to begin with. */
  between(from: Face, to: Face): void {
    this.open(from);
    if (from.model === to.model) this.mix?.between(from, to);
    else this.app.say(this.app.t("mixOther"));
  }

  /** Back to the face that the page began with: what was under way is given up. */
  home(face: Face): void {
    this.picking = null;
    this.address.settle();
    this.still();
    this.hide();
    if (!this.narrow.matches && face.model === this.app.model.hash) this.open(face, true);
  }

  private alter(change: Partial<Face>): void {
    const walked = this.walk !== null;
    this.still();
    this.face = { ...this.face, ...change };
    this.draw();
    this.name();
    for (const panel of this.panels) panel.altered?.();
    this.address.follow();
    if (walked) this.go();
  }

  /** Everything on the stage, in the visitor's language. */
  private furnish(): void {
    const { app, bench } = this;
    const { t } = app;
    this.truncation = slider(
      t("truncation"),
      { least: 0, most: 1.5, step: 0.05, value: this.face.truncation },
      (v) => v.toFixed(2),
      (value) => this.alter({ truncation: value }),
      t("truncationHint"),
    );
    this.mix = mixPanel(bench);
    const labelled = Object.keys(app.model.labels).length > 0;
    const looks = [
      labelled && labelsPanel(bench),
      app.model.directions.names.length > 0 && directionsPanel(bench),
    ];
    this.panels = [likePanel(bench), this.mix, ...looks].filter((panel) => panel !== false);
    this.keepTool = tool("heart", t("keep"), () => void app.keep(this.face));
    this.walkTool = tool("play", t("walk"), () => (this.walk ? this.still() : this.go()));
    this.largeTool = app.model.larger ? tool("large", t("large"), () => this.enlarge()) : null;
    this.largeTool?.setAttribute("title", t("largeHint", app.model.size * (app.model.larger?.times ?? 1)));
    const tools = [
      this.keepTool,
      tool("link", t("link"), () => {
        this.address.follow();
        void copyLink(app, this.face);
      }),
      this.walkTool,
      this.largeTool,
      tool("save", t("png"), () => void savePng(app, this.face, this.large && Boolean(app.model.larger))),
      tool("film", t("gif"), () => {
        this.still();
        void saveGif(app, this.face);
      }),
    ];
    const close = tool("close", t("close"), () => this.leave(), true);
    close.classList.add("close");
    const step = (by: number) => () => this.step(by);
    const seeds = el(
      "div",
      { class: "seeds" },
      tool("left", t("previous"), step(-1), true),
      el(
        "label",
        { class: "field", title: t("seedHint") },
        el("span", { class: "name" }, t("seed")),
        this.seed,
      ),
      tool("right", t("next"), step(1), true),
      tool("dice", t("any"), () => this.begin({ seed: anySeed() }), true),
    );
    const again = el("details", { class: "again" }, el("summary", {}, t("again")), el("code", {}));
    this.place.replaceChildren(
      el("div", { class: "frame" }, el("div", { class: "picture" }, this.canvas), close),
      seeds,
      el("div", { class: "tools" }, ...tools),
      el(
        "fieldset",
        { disabled: !app.ready },
        el("legend", { class: "spoken" }, t("truncation")),
        this.truncation.element,
        ...this.panels.map((panel) => panel.element),
      ),
      again,
      this.spoken,
    );
    this.place.setAttribute("aria-label", t("face", "").trim());
    this.refresh();
  }

  private refresh(): void {
    const active = this.app.ready && this.face.model === this.app.model.hash;
    this.place.querySelector("fieldset")?.toggleAttribute("disabled", !active);
    for (const one of this.place.querySelectorAll<HTMLButtonElement>(".tools button")) one.disabled = !active;
    this.truncation?.set(this.face.truncation);
    this.name();
    this.mark();
    if (!active) {
      this.preview();
      return;
    }
    this.draw();
    for (const panel of this.panels) panel.opened();
  }

  /** Until faces can be made: the one on the wall, where it is the same. */
  private preview(): void {
    const id = this.app.idOf(this.face);
    const pictures = [...document.querySelectorAll<HTMLImageElement>("ul.wall img")];
    const picture = pictures.find((one) => one.dataset.face === id);
    if (!picture) {
      this.canvas.width = this.canvas.height = this.app.model.size; // no other face stands for it
      return;
    }
    void picture.decode().then(
      () => {
        if (this.app.ready || id !== this.app.idOf(this.face)) return;
        [this.canvas.width, this.canvas.height] = [picture.naturalWidth, picture.naturalHeight];
        this.canvas.getContext("2d")?.drawImage(picture, 0, 0);
      },
      () => undefined,
    );
  }

  private draw(): void {
    const mine = ++this.stamp;
    const wanted = (): boolean => mine === this.stamp;
    void this.app.engine.draw(this.face, { when: "now", wanted }).then((image) => {
      if (!image || mine !== this.stamp) return;
      this.show(image);
      if (this.large && this.app.model.larger) void this.showLarge(image, mine);
    });
  }

  /** Show faces larger from now on, or as they are made. */
  private enlarge(): void {
    this.still();
    this.large = !this.large;
    this.draw();
    this.mark();
  }

  private async showLarge(image: ImageData, mine: number): Promise<void> {
    await new Promise((done) => setTimeout(done, SETTLED)); // a slider may be on its way
    if (mine !== this.stamp) return;
    const large = await this.app.engine.enlarge(image);
    if (mine !== this.stamp || this.walk) return;
    if (large) this.show(large);
    else this.app.say(this.app.t("largeFailed"));
  }

  private show(image: ImageData): void {
    paint(this.canvas, image);
    this.canvas.dataset.face = originText(this.face.origin);
    this.canvas.dataset.fine = this.face.fine ? originText(this.face.fine) : "";
  }

  private name(): void {
    const line = originText(this.face.origin);
    this.seed.value = line.length > 200 ? "" : line;
    this.canvas.setAttribute("aria-label", this.app.describe(this.face));
    const code = this.place.querySelector("code");
    const [t, face] = [this.app.t, this.face];
    if (!code) return;
    const psi = face.truncation === 1 ? "" : ` --truncation ${face.truncation}`;
    const labels = Object.entries(face.labels).map(([a, value]) => ` --label ${quoted(`${a}=${value}`)}`);
    const fine = face.fine ? ` --fine ${originText(face.fine)}` : "";
    code.textContent = isOfSeeds(face)
      ? t("terminal", line) + fine + psi + labels.join("")
      : t("terminalLike", fileName(face, "png"));
  }

  private mark(): void {
    const kept = this.app.favourites.has(this.app.idOf(this.face));
    this.keepTool?.setAttribute("aria-pressed", String(kept));
    this.largeTool?.setAttribute("aria-pressed", String(this.large));
    const word = this.keepTool?.querySelector(".word");
    if (word) word.textContent = this.app.t(kept ? "kept" : "keep");
  }

  private typed(): void {
    const origin = readOrigin(this.seed.value.trim(), this.app.model.z);
    if (origin) this.begin(origin);
    else this.name();
  }

  private step(by: number): void {
    const seed = "seed" in this.face.origin ? this.face.origin.seed + by : anySeed();
    if (seed >= 0 && seed <= MAX_SEED) this.begin({ seed });
  }

  /** Put a face of an origin here: its own colours, and no moves. */
  private begin(origin: Origin): void {
    this.open({ ...this.face, ...lookOf(origin), moves: {} });
  }

  private go(): void {
    this.walk = new Walk(this.app, this.face, (image) => this.show(image));
    this.playing(true);
  }

  private still(): void {
    if (!this.walk) return;
    this.walk.stop();
    this.walk = null;
    this.playing(false);
    this.draw();
  }

  private playing(on: boolean): void {
    this.walkTool?.setAttribute("aria-pressed", String(on));
    this.walkTool?.querySelector("svg")?.replaceWith(icon(on ? "stop" : "play"));
    const word = this.walkTool?.querySelector(".word");
    if (word) word.textContent = this.app.t(on ? "stop" : "walk");
  }

  /** Let the stage be seen where there is no room beside the wall; `quiet` where nobody asked for it. */
  reveal(quiet = false): void {
    document.body.classList.add("staged");
    this.place.scrollTop = 0;
    this.cover();
    if (quiet) return;
    this.spoken.textContent = this.app.describe(this.face);
    if (this.narrow.matches) this.place.querySelector<HTMLElement>(".close")?.focus({ preventScroll: true });
  }

  hide(): void {
    document.body.classList.remove("staged");
    this.cover();
  }

  /** What the stage covers takes no keys and is not read out. */
  private cover(): void {
    const covered = this.narrow.matches && document.body.classList.contains("staged");
    for (const other of document.querySelectorAll<HTMLElement>("body > header, #faces, #card")) {
      other.inert = covered;
    }
  }

  private leave(): void {
    this.picking = null;
    this.hide();
    this.still();
    document.querySelector<HTMLElement>('ul.wall button[tabindex="0"]')?.focus();
  }
}
