/** The address of the page: it names the face on the stage, and changes no more often than browsers allow. */

/** Milliseconds between two changes: browsers refuse more than a hundred in ten seconds or thirty. */
const RARELY = 350;

export class Address {
  private changed = Number.NEGATIVE_INFINITY;
  private late = 0;

  constructor(private readonly link: () => string) {}

  /** Name the face as it is altered, at once or when a slider that is dragged has rested. */
  follow(): void {
    this.settle();
    const rest = this.changed + RARELY - performance.now();
    if (rest > 0) this.late = window.setTimeout(() => this.write(false), rest);
    else this.write(false);
  }

  /** Name another face, and leave a way back to the one before. */
  turn(): void {
    this.write(true);
  }

  /** Do now what was to come: the face that is named gives way to another. */
  finish(): void {
    if (this.late) this.write(false);
  }

  /** Forget what was to come. */
  settle(): void {
    clearTimeout(this.late);
    this.late = 0;
  }

  private write(anew: boolean): void {
    this.settle();
    const link = this.link();
    if (link === location.hash) return;
    this.changed = performance.now();
    try {
      if (anew) history.pushState(null, "", link);
      else history.replaceState(null, "", link);
    } catch {
      // a browser that is asked too often refuses for a while
    }
  }
}
