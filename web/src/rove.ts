/** The keyboard on the wall: one face is in the tab order, arrow keys move from face to face. */

import type { Tile } from "./tile";

/** Let arrow keys, Home and End move among tiles that stand in rows. */
export function rove(list: HTMLElement, tiles: () => readonly Tile[]): void {
  list.addEventListener("keydown", (event) => {
    const all = tiles();
    const at = all.findIndex((tile) => tile.button === document.activeElement);
    if (at < 0) return;
    const to = target(event.key, at, all.length, columnsOf(all));
    if (to === at || !all[to]) return;
    event.preventDefault();
    all[to].button.focus();
  });
}

/** Make a tile the one that the tab key comes to. */
export function focusOn(tile: Tile, tiles: readonly Tile[]): void {
  for (const other of tiles) other.button.tabIndex = other === tile ? 0 : -1;
}

function columnsOf(tiles: readonly Tile[]): number {
  const top = tiles[0].item.offsetTop;
  const second = tiles.findIndex((tile) => tile.item.offsetTop > top);
  return second < 0 ? tiles.length : second;
}

/** Where a key leads from one of so many tiles; perhaps nowhere. */
export function target(key: string, at: number, count: number, columns: number): number {
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  const steps: Record<string, number> = {
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -columns,
    ArrowDown: columns,
  };
  return at + (steps[key] ?? 0);
}
