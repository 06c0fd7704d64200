/** The wall: faces in rows, the first ones there at once, then as many as one likes; favourites and history too. */

import type { App } from "./app";
import { fillBar, type Shelf } from "./bar";
import { button, el, paint } from "./dom";
import type { Face } from "./face";
import { MAX_SEED } from "./latents";
import { focusOn, rove } from "./rove";
import { saveSheet } from "./saving";
import { partOf } from "./site";
import { makeDraggable, readPictures, type Tile, wake } from "./tile";

const MOST_TILES = 960;
const MORE = 48;
const SHEET = 48;

export class Wall {
  private tiles: Tile[] = [];
  private byButton = new Map<Element, Tile>();
  private list: HTMLElement;
  private bar = el("div", { class: "bar" });
  private note = el("p", { class: "note" });
  private more = button("", () => this.grow(), { class: "tool more" });
  private shelf: Shelf = "faces";
  private first = 0;
  private truncation = 1;
  private labels: Record<string, string> = {};
  private sight: IntersectionObserver;
  /** The pictures that came in the page itself: those of its first model. */
  private came: string[];

  constructor(
    private readonly app: App,
    place: HTMLElement,
    private readonly chosen: (face: Face) => void,
    private readonly dropped: (from: Face, onto: Face) => void,
  ) {
    this.list = place.querySelector("ul.wall") ?? el("ul", { class: "wall" });
    place.append(this.bar, this.note, this.list, this.more);
    this.sight = new IntersectionObserver((entries) => this.look(entries), { rootMargin: "300px" });
    rove(this.list, () => this.tiles);
    this.came = [...this.list.querySelectorAll("img")].map((picture) => picture.src);
    if (app.model === app.site.models[0]) this.adopt();
    else void this.change();
    this.furnish();
    app.on("ready", () => this.revive());
    app.on("frozen", () => this.furnish());
    app.on("model", () => void this.change());
    app.on("language", () => {
      this.furnish();
      for (const tile of this.tiles) tile.button.setAttribute("aria-label", app.describe(tile.face));
    });
    app.on("favourites", () => this.marks());
    app.on("history", () => {
      const held = this.list.contains(document.activeElement); // it keeps its place for now
      if (this.shelf === "history" && !held) void this.turn("history");
    });
  }

  /** Take over the faces that came with the page. */
  private adopt(): void {
    const { wall } = this.app.model;
    this.first = wall.seed;
    for (const [i, item] of [...this.list.querySelectorAll("li")].entries()) {
      this.hang(this.faceOf(wall.seed + i), item, item.querySelector("img"));
    }
  }

  private faceOf(seed: number): Face {
    const { labels, truncation } = this;
    return { model: this.app.model.hash, origin: { seed }, truncation, labels: { ...labels }, moves: {} };
  }

  /** Show a face in a tile: an item that is there, or a new one. */
  private hang(face: Face, item = el("li"), picture: HTMLImageElement | null = null): void {
    const said = this.app.describe(face);
    const choose = (): void => {
      focusOn(tile, this.tiles); // a browser may give what is clicked no focus
      this.chosen(face);
    };
    const made = button("", choose, {
      class: "tile",
      draggable: "true",
      "aria-label": said,
    });
    made.append(picture ?? el("canvas", { width: 1, height: 1, "aria-hidden": "true" }));
    if (picture) {
      picture.alt = "";
      picture.dataset.face = this.app.idOf(face);
      picture.draggable = false;
    }
    item.replaceChildren(made);
    if (!item.isConnected) this.list.append(item);
    const tile: Tile = { face, item, button: made, seen: false, live: false, stamp: 0 };
    made.tabIndex = this.tiles.length ? -1 : 0;
    made.classList.toggle("kept", this.app.favourites.has(this.app.idOf(face)));
    made.addEventListener(
      "pointerenter",
      (event) => event.pointerType === "mouse" && wake(this.app, tile, (image) => this.put(tile, image)),
    );
    made.addEventListener("focus", () => focusOn(tile, this.tiles));
    makeDraggable(this.app, made, face, this.dropped);
    this.tiles.push(tile);
    this.byButton.set(made, tile);
    this.sight.observe(made);
  }

  private look(entries: IntersectionObserverEntry[]): void {
    for (const entry of entries) {
      const tile = this.byButton.get(entry.target);
      if (!tile) continue;
      tile.seen = entry.isIntersecting;
      if (tile.seen) this.draw(tile);
    }
  }

  private draw(tile: Tile): void {
    const { app } = this;
    if (tile.live || !app.ready || tile.face.model !== app.model.hash) return;
    tile.live = true;
    const mine = ++tile.stamp;
    const wanted = (): boolean => mine === tile.stamp && tile.seen && tile.item.isConnected;
    void app.engine.draw(tile.face, { wanted }).then((image) => {
      if (mine !== tile.stamp) return;
      if (image) this.put(tile, image);
      else tile.live = false;
    });
  }

  private put(tile: Tile, image: ImageData): void {
    let canvas = tile.button.querySelector("canvas");
    if (!canvas) {
      canvas = el("canvas", { "aria-hidden": "true" });
      tile.button.replaceChildren(canvas);
    }
    paint(canvas, image);
    tile.button.classList.add("live");
  }

  private grow(): void {
    if (!this.app.ready || this.shelf !== "faces" || this.tiles.length >= MOST_TILES) return;
    const start = this.tiles.length;
    const count = Math.min(MORE, MAX_SEED - this.first - start + 1);
    for (let i = 0; i < count; i++) this.hang(this.faceOf(this.first + start + i));
    this.more.hidden = this.tiles.length >= MOST_TILES;
  }

  private clear(): void {
    for (const tile of this.tiles) this.sight.unobserve(tile.button);
    this.tiles = [];
    this.byButton.clear();
    this.list.replaceChildren();
  }

  /** Begin anew with the faces from a seed on. */
  private from(seed: number): void {
    this.first = seed;
    this.shelf = "faces";
    this.clear();
    this.grow();
    this.furnish();
    scrollTo({ top: 0 });
  }

  /** The faces as they stand, drawn anew: truncation or labels have changed. */
  private redraw(): void {
    if (this.shelf !== "faces") return;
    for (const tile of this.tiles) {
      const { origin } = tile.face;
      Object.assign(tile.face, { ...this.faceOf(0), origin });
      tile.button.setAttribute("aria-label", this.app.describe(tile.face));
      tile.live = false;
      tile.stamp++;
      if (tile.seen) this.draw(tile);
    }
  }

  private revive(): void {
    for (const tile of this.tiles) if (tile.seen) this.draw(tile);
    if (!this.tiles.length) this.grow();
    this.furnish();
  }

  /** Another model: its first faces, and its labels. */
  private async change(): Promise<void> {
    this.labels = {};
    this.truncation = 1;
    this.shelf = "faces";
    this.clear();
    this.furnish();
    const { model, site } = this.app;
    this.first = model.wall.seed;
    const own = model === site.models[0] && this.came.length > 0;
    const pictures = own ? this.came : await readPictures(partOf(site, model.wall.pictures));
    if (model !== this.app.model || this.tiles.length) return;
    for (const [i, source] of pictures.entries()) {
      const picture = el("img", { src: source, width: model.size, height: model.size });
      this.hang(this.faceOf(model.wall.seed + i), undefined, picture);
    }
  }

  /** Show given faces, such as those of a sheet that was dropped. */
  show(faces: readonly Face[]): void {
    this.shelf = "given";
    this.clear();
    for (const face of faces) this.hang(face);
    this.furnish();
  }

  private async turn(shelf: Shelf): Promise<void> {
    this.shelf = shelf;
    if (shelf === "faces") return this.app.ready ? this.from(this.first) : this.change();
    if (shelf === "given") return;
    const kept = await this.app.store.list(shelf);
    if (this.shelf !== shelf) return;
    this.clear();
    for (const { id } of kept) {
      const face = this.app.faceOf(id);
      if (face && face.model === this.app.model.hash) this.hang(face);
    }
    this.furnish();
  }

  private marks(): void {
    for (const { button: made, face } of this.tiles) {
      made.classList.toggle("kept", this.app.favourites.has(this.app.idOf(face)));
    }
    if (this.shelf === "favourites") void this.turn("favourites");
  }

  /** What stands above and below the faces, in the visitor's language. */
  private furnish(): void {
    const { app, shelf } = this;
    const { t } = app;
    fillBar(this.bar, app, {
      shelf,
      first: this.first,
      truncation: this.truncation,
      labels: this.labels,
      empty: !this.tiles.length,
      turn: (to) => void this.turn(to),
      from: (seed) => this.from(seed),
      look: (change) => {
        Object.assign(this, change);
        this.redraw();
      },
      sheet: () =>
        void saveSheet(
          app,
          this.tiles.slice(0, SHEET).map((tile) => tile.face),
        ),
      forget: () => void this.forget(),
    });
    this.more.textContent = t("more");
    this.more.hidden = shelf !== "faces" || this.tiles.length >= MOST_TILES;
    this.more.disabled = !app.ready || app.frozen !== null;
    const empty = !this.tiles.length && (shelf === "favourites" || shelf === "history");
    this.note.textContent = app.row(
      empty && t(shelf === "favourites" ? "noFavourites" : "noHistory"),
      (shelf === "favourites" || shelf === "history") && !app.store.lasts && t("storage"),
    );
    this.list.setAttribute("aria-label", `${t(shelf === "given" ? "faces" : shelf)}. ${t("keys")}`);
  }

  private async forget(): Promise<void> {
    for (const { id } of await this.app.store.list("history")) await this.app.store.remove("history", id);
    void this.turn("history");
  }
}
