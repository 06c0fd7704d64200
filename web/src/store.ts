/** What the browser keeps: favourites, history and settings, in IndexedDB; in memory where it refuses. */

export interface Kept {
  /** The link of the face, with its model: model hash + "#" + link. */
  id: string;
  at: number;
}

type Shelf = "favourites" | "history" | "settings";

const MOST_HISTORY = 200;

export class Store {
  private memory: Record<Shelf, Map<string, unknown>> = {
    favourites: new Map(),
    history: new Map(),
    settings: new Map(),
  };

  private constructor(private readonly base: IDBDatabase | null) {}

  /** Whether what is kept survives the page. */
  get lasts(): boolean {
    return this.base !== null;
  }

  /** A store that lasts as long as the page. */
  static passing(): Store {
    return new Store(null);
  }

  static open(): Promise<Store> {
    return new Promise((done) => {
      const without = (): void => done(new Store(null));
      try {
        const asked = indexedDB.open("phiz", 1);
        asked.onupgradeneeded = () => {
          for (const shelf of ["favourites", "history", "settings"]) asked.result.createObjectStore(shelf);
        };
        asked.onsuccess = () => done(new Store(asked.result));
        asked.onerror = without;
        asked.onblocked = without;
        setTimeout(without, 1500);
      } catch {
        without();
      }
    });
  }

  private run<T>(
    shelf: Shelf,
    mode: IDBTransactionMode,
    act: (s: IDBObjectStore) => IDBRequest<T>,
  ): Promise<T | null> {
    return new Promise((done) => {
      try {
        const asked = act((this.base as IDBDatabase).transaction(shelf, mode).objectStore(shelf));
        asked.onsuccess = () => done(asked.result);
        asked.onerror = () => done(null);
      } catch {
        done(null);
      }
    });
  }

  async set(shelf: Shelf, key: string, value: unknown): Promise<void> {
    this.memory[shelf].set(key, value);
    if (this.base) await this.run(shelf, "readwrite", (s) => s.put(value, key));
  }

  async remove(shelf: Shelf, key: string): Promise<void> {
    this.memory[shelf].delete(key);
    if (this.base) await this.run(shelf, "readwrite", (s) => s.delete(key));
  }

  async get<T>(shelf: Shelf, key: string): Promise<T | null> {
    if (!this.base) return (this.memory[shelf].get(key) as T) ?? null;
    return ((await this.run(shelf, "readonly", (s) => s.get(key))) as T) ?? null;
  }

  /** What lies on a shelf, the newest first. */
  async list(shelf: "favourites" | "history"): Promise<Kept[]> {
    const all = this.base
      ? await this.run(shelf, "readonly", (s) => s.getAll())
      : [...this.memory[shelf].values()];
    return ((all ?? []) as Kept[]).filter((one) => typeof one?.id === "string").sort((a, b) => b.at - a.at);
  }

  /** Note a face in the history; the oldest beyond a number are forgotten. */
  async note(id: string): Promise<void> {
    await this.set("history", id, { id, at: Date.now() });
    const all = await this.list("history");
    for (const old of all.slice(MOST_HISTORY)) await this.remove("history", old.id);
  }
}
