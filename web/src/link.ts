/** Links: everything that decides a face, in the part of the address after #. */

import { type Face, lookOf, originText, readOrigin, valuesOf } from "./face";
import type { Model } from "./site";

export const MOST_TRUNCATION = 2;
export const MOST_MOVE = 20;

const number = (value: number): string => String(Math.round(value * 1000) / 1000);

/** The link of a face, without the #. */
export function toLink(face: Face, models: readonly Model[]): string {
  const parts = [`seed=${originText(face.origin)}`];
  if (face.fine) parts.push(`fine=${originText(face.fine)}`);
  if (face.truncation !== 1) parts.push(`truncation=${number(face.truncation)}`);
  for (const [attribute, value] of Object.entries(face.labels)) {
    parts.push(`label=${encodeURIComponent(attribute)}:${encodeURIComponent(value)}`);
  }
  const moves = Object.entries(face.moves).filter(([, amount]) => amount !== 0);
  if (moves.length) parts.push(`move=${moves.map(([i, amount]) => `${i}:${number(amount)}`).join(",")}`);
  if (models.length > 1) parts.push(`model=${face.model.slice(0, 8)}`);
  return parts.join("&");
}

/** A face that a link names, what the model does not know left out; null if it names none. */
export function fromLink(link: string, models: readonly Model[], current: Model): Face | null {
  const named: [string, string][] = link
    .replace(/^#/, "")
    .split("&")
    .map((part) => [part.slice(0, part.indexOf("=")), part.slice(part.indexOf("=") + 1)]);
  const given = (name: string): string | undefined => named.find(([key]) => key === name)?.[1];
  const hash = given("model");
  const model = hash ? models.find((m) => hash.length >= 4 && m.hash.startsWith(hash)) : current;
  const seed = given("seed");
  if (!model || seed === undefined) return null;
  const origin = readOrigin(decoded(seed), model.z);
  if (!origin) return null;
  const fine = model.mixes ? readOrigin(decoded(given("fine") ?? ""), model.z) : null;
  const labels: Record<string, string> = {};
  for (const [key, value] of named) {
    if (key !== "label") continue;
    const [attribute, choice] = value.split(":").map(decoded);
    if (Object.hasOwn(model.labels, attribute) && valuesOf(model, attribute).includes(choice)) {
      labels[attribute] = choice;
    }
  }
  return {
    model: model.hash,
    ...lookOf(origin, fine ?? undefined),
    truncation: truncationOf(given("truncation")),
    labels,
    moves: movesOf(given("move"), model.directions.names.length),
  };
}

function truncationOf(text: string | undefined): number {
  const value = text === undefined ? 1 : Number(text);
  return value >= 0 && value <= MOST_TRUNCATION ? value : 1;
}

function movesOf(text: string | undefined, count: number): Record<number, number> {
  const moves: Record<number, number> = {};
  for (const part of decoded(text ?? "").split(",")) {
    const found = /^(\d{1,3}):(-?\d{1,2}(?:\.\d{1,6})?)$/.exec(part);
    if (found && Number(found[1]) < count && Math.abs(Number(found[2])) <= MOST_MOVE) {
      moves[Number(found[1])] = Number(found[2]);
    }
  }
  return moves;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
