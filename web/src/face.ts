/** A face: where it comes from, and everything else that decides how it looks. */

import { drawLabels, isSeed, latent, slerp } from "./latents";
import { base64Of, bytesOf, type Model } from "./site";

/** A seed, a latent by its values, or the point at t on the way from one to another. */
export type Origin = { seed: number } | { values: Float32Array } | { from: Origin; to: Origin; t: number };

export interface Face {
  /** The first digits of the model's hash. */
  model: string;
  origin: Origin;
  /** Where its colours come from, where that is another origin (docs/latents.md). */
  fine?: Origin;
  truncation: number;
  /** The labels asked for: attribute -> value. */
  labels: Readonly<Record<string, string>>;
  /** How far along each direction: number of the direction -> amount. */
  moves: Readonly<Record<number, number>>;
}

const DEEPEST = 24;
const LONGEST = 1 << 15;

export const mixed = (from: Origin, to: Origin, t: number): Origin =>
  t === 0 ? from : t === 1 ? to : { from, to, t: Math.round(t * 1000) / 1000 };

/** Where shapes and colours of a face come from. */
export type Look = Pick<Face, "origin" | "fine">;

/** A look of two origins; of one where they are the same. */
export const lookOf = (origin: Origin, fine?: Origin): Look => ({
  origin,
  fine: fine && originText(fine) !== originText(origin) ? fine : undefined,
});

/** How far shapes and colours have gone on the way from one face to another, from 0 to 1. */
export interface Mixing {
  shapes: number;
  colours: number;
}

/** The look between two. */
export function mixedLook(from: Look, to: Look, at: Mixing, z: number): Look {
  const origin = mixed(from.origin, to.origin, at.shapes);
  const fine = mixed(from.fine ?? from.origin, to.fine ?? to.origin, at.colours);
  return lookOf(settled(origin, z), settled(fine, z));
}

/** The first seed of an origin, from which labels are drawn; null if it has none. */
export function firstSeed(origin: Origin): number | null {
  if ("seed" in origin) return origin.seed;
  return "from" in origin ? firstSeed(origin.from) : null;
}

/** Whether a face is a seed's, in the colours of a seed. */
export function isOfSeeds(face: Face): boolean {
  const moved = Object.values(face.moves).some((amount) => amount !== 0);
  return "seed" in face.origin && (!face.fine || "seed" in face.fine) && !moved;
}

/** How many seeds and latents an origin is made of. */
export function parts(origin: Origin): number {
  return "from" in origin ? parts(origin.from) + parts(origin.to) : 1;
}

function point(origin: Origin, z: number): ArrayLike<number> {
  if ("seed" in origin) return latent(origin.seed, z);
  if ("values" in origin) return origin.values;
  return slerp(point(origin.from, z), point(origin.to, z), origin.t);
}

/** The latent of an origin, moved along directions; float32. */
export function latentOf(
  origin: Origin,
  z: number,
  moves: Readonly<Record<number, number>> = {},
  directions: readonly ArrayLike<number>[] = [],
): Float32Array {
  const sum = Float64Array.from(point(origin, z));
  for (const [number, amount] of Object.entries(moves)) {
    const direction = directions[Number(number)];
    if (direction && amount) for (let i = 0; i < z; i++) sum[i] += amount * direction[i];
  }
  return Float32Array.from(sum);
}

/** An origin of many parts as one latent, so that links stay short. */
export function settled(origin: Origin, z: number): Origin {
  return parts(origin) > DEEPEST ? { values: latentOf(origin, z) } : origin;
}

/** The model's attributes, in the order in which it takes them: an object lists names like 1 first. */
export const attributesOf = (model: Model): string[] => model.attributes ?? Object.keys(model.labels);

/** The values of an attribute that the model has learned from faces; all where it has none. */
export function valuesOf(model: Model, attribute: string): string[] {
  const counts = model.frequencies[attribute];
  const seen = model.labels[attribute].filter((_, i) => counts[i]);
  return seen.length ? seen : model.labels[attribute];
}

/** The value of every attribute of the model that a face shows: its index. */
export function labelsOf(model: Model, face: Face): number[] {
  const attributes = attributesOf(model);
  if (!attributes.length) return [];
  const asked = attributes.flatMap((a, i): [number, number][] =>
    Object.hasOwn(face.labels, a) ? [[i, model.labels[a].indexOf(face.labels[a])]] : [],
  );
  const counts = attributes.map((a) => model.frequencies[a]);
  return drawLabels(firstSeed(face.origin) ?? 0, counts, model.pairs, new Map(asked));
}

/** The same in words: attribute -> value. */
export function shown(model: Model, face: Face): Record<string, string> {
  const values = labelsOf(model, face);
  return Object.fromEntries(attributesOf(model).map((a, i) => [a, model.labels[a][values[i]]]));
}

/** An origin in a line of text: 7, 7~12@0.3, 7~(12~3@0.5)@0.3, or z and base64 of float32 values. */
export function originText(origin: Origin): string {
  if ("seed" in origin) return String(origin.seed);
  if ("values" in origin) {
    const bytes = new Uint8Array(origin.values.buffer, origin.values.byteOffset, origin.values.byteLength);
    return `z${base64Of(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
  }
  const to = originText(origin.to);
  return `${originText(origin.from)}~${"from" in origin.to ? `(${to})` : to}@${origin.t}`;
}

/** Read such a line; null if it is none. */
export function readOrigin(line: string, z: number): Origin | null {
  if (line.length > LONGEST) return null;
  let at = 0;
  let found = 0;
  const fail = (): never => {
    throw new SyntaxError(line);
  };
  const match = (pattern: RegExp): string | null => {
    pattern.lastIndex = at;
    const text = pattern.exec(line)?.[0] ?? null;
    if (text !== null) at += text.length;
    return text;
  };
  const one = (depth: number): Origin => {
    if (depth > DEEPEST || ++found > 2 * DEEPEST) fail();
    if (match(/\(/y)) {
      const inner = chain(depth + 1);
      return match(/\)/y) ? inner : fail();
    }
    const values = match(/z[\w-]+/y);
    if (values) return latentText(values.slice(1), z) ?? fail();
    const seed = Number(match(/\d{1,16}/y) ?? Number.NaN);
    return isSeed(seed) ? { seed } : fail();
  };
  const chain = (depth: number): Origin => {
    let origin = one(depth);
    while (match(/~/y)) {
      const to = one(depth);
      const t = Number(match(/@[01](\.\d{1,6})?/y)?.slice(1) ?? Number.NaN);
      if (!(t >= 0 && t <= 1)) fail();
      origin = { from: origin, to, t };
    }
    return origin;
  };
  try {
    const origin = chain(0);
    return at === line.length ? origin : null;
  } catch {
    return null;
  }
}

function latentText(text: string, z: number): Origin | null {
  try {
    const bytes = bytesOf(text.replaceAll("-", "+").replaceAll("_", "/"));
    return latentBytes(bytes, z);
  } catch {
    return null;
  }
}

/** The origin that little-endian float32 values are; null if they are not z sound numbers. */
export function latentBytes(bytes: Uint8Array, z: number): { values: Float32Array } | null {
  if (bytes.length !== 4 * z) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const values = Float32Array.from({ length: z }, (_, i) => view.getFloat32(4 * i, true));
  return values.every((value) => Math.abs(value) < 1e4) ? { values } : null;
}
