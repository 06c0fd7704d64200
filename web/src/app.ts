/** What all parts of the page share: the model in use, its engine, what is kept, and words. */

import { Engine } from "./engine";
import { type Face, originText, shown } from "./face";
import { fromLink, toLink } from "./link";
import { Fault, type Means } from "./maker";
import type { Model, Site } from "./site";
import type { Store } from "./store";
import { runsWasm, surroundings } from "./surroundings";
import { type Language, plain, preferred, speaker, type Word } from "./words";

export type News =
  | "model"
  | "ready"
  | "measured"
  | "frozen"
  | "progress"
  | "language"
  | "face"
  | "favourites"
  | "history";

/** How often faces are begun to be made again after something broke. */
const LOSSES = 3;

export class App extends EventTarget {
  engine: Engine;
  model: Model;
  language: Language;
  t: (word: Word, ...values: (string | number)[]) => string;
  /** Why no faces can be made here; null while they can, or may soon. */
  frozen: string | null = null;
  ready = false;
  progress = 0;
  favourites = new Set<string>();
  private losses = 0;
  private asked: Means | null;

  constructor(
    readonly site: Site,
    /** What is kept; there once it was opened. */
    public store: Store,
  ) {
    super();
    this.model = site.models[0];
    this.engine = this.newEngine();
    this.language = preferred(navigator.languages);
    this.t = speaker(this.language);
    const backend = new URLSearchParams(location.search).get("backend");
    this.asked = backend === "wasm" || backend === "threads" || backend === "webgpu" ? backend : null;
  }

  on(news: News, act: () => void): void {
    this.addEventListener(news, act);
  }

  tell(news: News): void {
    this.dispatchEvent(new Event(news));
  }

  speak(language: Language): void {
    this.language = language;
    this.t = speaker(language);
    document.documentElement.lang = language;
    this.tell("language");
  }

  /** Sentences in a row, as the visitor's language sets them. */
  row(...sentences: (string | null | false)[]): string {
    return sentences.filter(Boolean).join(this.language === "en" ? " " : "");
  }

  private newEngine(): Engine {
    const engine: Engine = new Engine(this.site, this.model, surroundings(this.site), (means, reason) => {
      if (engine === this.engine) this.lose(means, reason);
    });
    return engine;
  }

  /** Take another model of the page. */
  use(model: Model): void {
    if (model === this.model) return;
    this.engine.stop();
    this.model = model;
    this.engine = this.newEngine();
    this.ready = false;
    this.frozen = null;
    this.tell("model");
    void this.start();
  }

  /** Get the engine ready, and later see whether it can be faster. */
  async start(means: Means | null = this.asked): Promise<void> {
    const { engine } = this;
    if (!runsWasm()) {
      this.freeze(this.t("noWasm"));
      return;
    }
    try {
      const got = await engine.start(means, ({ done, total }) => {
        this.progress = Math.min(0.99, done / total);
        this.tell("progress");
      });
      if (engine !== this.engine) return;
      this.ready = true;
      this.tell("ready");
      if (means && got !== means) {
        this.say(this.t("fellBack", this.t(means), engine.refused.get(means) ?? "", this.t(got)));
      }
      if (!this.asked)
        setTimeout(
          () =>
            void engine.improve().then(
              () => this.tell("measured"),
              () => undefined,
            ),
          2500,
        );
    } catch (fault) {
      if (engine === this.engine) this.freeze(this.reason(fault));
    }
  }

  /** Make faces by other means, as the visitor wishes. */
  switchTo(means: Means): void {
    this.asked = means;
    this.engine.stop();
    this.engine = this.newEngine();
    this.ready = false;
    this.tell("progress");
    void this.start(means);
  }

  /** What made faces makes none any more: one thread is taken, unless that happens again and again. */
  private lose(means: Means, reason: string): void {
    if (++this.losses > LOSSES) {
      this.engine.stop();
      this.freeze(this.t("lost", reason));
      return;
    }
    this.switchTo("wasm");
    if (means !== "wasm") this.say(this.t("fellBack", this.t(means), reason, this.t("wasm")));
  }

  freeze(reason: string): void {
    this.frozen = reason;
    this.tell("frozen");
  }

  private reason(fault: unknown): string {
    const message = fault instanceof Fault ? fault.message : String(fault);
    return message.startsWith("self-test") ? this.t("wrongFaces") : this.t("notLoaded", message);
  }

  /** A face in words, for those who cannot see it. */
  describe(face: Face): string {
    const name =
      "seed" in face.origin
        ? this.t("face", face.origin.seed)
        : this.t("faceMixed", "values" in face.origin ? "" : originText(face.origin)).trim();
    const labels = Object.entries(shown(this.model, face)).map(([a, value]) => plain(`${a} ${value}`));
    const { fine } = face;
    const colours = fine && this.t("coloursOf", "values" in fine ? this.t("mixed") : originText(fine));
    return [name, ...(colours ? [colours] : []), ...labels].join(", ");
  }

  /** Say something that passes, to eyes and to screen readers. */
  say(text: string): void {
    const place = document.getElementById("said");
    if (!place) return;
    place.textContent = text;
    place.classList.add("shown");
    clearTimeout(this.hush);
    this.hush = setTimeout(() => place.classList.remove("shown"), 5000 + 40 * text.length);
  }
  private hush: ReturnType<typeof setTimeout> | undefined;

  /** The name under which a face is kept: its model and its link. */
  idOf(face: Face): string {
    return `${face.model}#${toLink(face, [])}`;
  }

  faceOf(id: string): Face | null {
    const [hash, link] = id.split("#");
    const model = this.site.models.find((m) => m.hash === hash);
    return model && link ? fromLink(link, [], model) : null;
  }

  async keep(face: Face): Promise<void> {
    const id = this.idOf(face);
    if (this.favourites.delete(id)) await this.store.remove("favourites", id);
    else {
      this.favourites.add(id);
      await this.store.set("favourites", id, { id, at: Date.now() });
    }
    this.tell("favourites");
  }
}

/** Whether the visitor wants things to move. */
export const moves = (): boolean => !matchMedia("(prefers-reduced-motion: reduce)").matches;

/** A seed at random, short enough to be typed. */
export const anySeed = (): number => crypto.getRandomValues(new Uint32Array(1))[0] % 1_000_000;
