/** Faces in rows and columns on one canvas. */

import { el } from "./dom";

const READABLE = 64;

/** The (rows, columns) that suit so many faces: near square, wider than tall, few places empty. */
export function gridFor(count: number): [number, number] {
  if (count <= 3) return [1, count];
  const least = Math.ceil(Math.sqrt(count));
  const widest = Math.max(least, Math.floor(Math.sqrt(2 * count)));
  let best = least;
  for (let columns = least; columns <= widest; columns++) {
    const empty = (c: number): number => (c - (count % c)) % c;
    if (empty(columns) < empty(best)) best = columns;
  }
  return [Math.ceil(count / best), best];
}

/** Lay faces out from the top left, small ones enlarged. */
export function sheetOf(images: readonly ImageData[]): { canvas: HTMLCanvasElement; grid: [number, number] } {
  const grid = gridFor(images.length);
  const size = images[0].width;
  const side = size * Math.max(1, Math.ceil(READABLE / size));
  const gap = Math.max(2, Math.round(side / 32));
  const canvas = el("canvas", { width: grid[1] * (side + gap) + gap, height: grid[0] * (side + gap) + gap });
  const paper = canvas.getContext("2d");
  if (!paper) throw new Error("no canvas");
  paper.fillStyle = "#fff";
  paper.fillRect(0, 0, canvas.width, canvas.height);
  for (const [i, image] of images.entries()) {
    const [row, column] = [Math.floor(i / grid[1]), i % grid[1]];
    paper.drawImage(enlarged(image, side), gap + column * (side + gap), gap + row * (side + gap));
  }
  return { canvas, grid };
}

/** A face on a canvas of its own, enlarged smoothly to a side. */
export function enlarged(image: ImageData, side: number): HTMLCanvasElement {
  const plain = el("canvas", { width: image.width, height: image.height });
  plain.getContext("2d")?.putImageData(image, 0, 0);
  if (side === image.width) return plain;
  const large = el("canvas", { width: side, height: side });
  const paper = large.getContext("2d");
  if (paper) {
    paper.imageSmoothingQuality = "high";
    paper.drawImage(plain, 0, 0, side, side);
  }
  return large;
}
