/** The latent of a seed, its labels, and walks, as docs/latents.md defines them. */

export const VERSION = 1;
export const MAX_SEED = Number.MAX_SAFE_INTEGER;
export const LATENT = 0;
export const LABELS = 1;

const GAMMA = 0x9e3779b97f4a7c15n;
const UNIT = 2 ** -53;
const word64 = (value: bigint): bigint => BigInt.asUintN(64, value);

/** splitmix64's finaliser of one word. */
function mix(value: bigint): bigint {
  let x = word64((value ^ (value >> 30n)) * 0xbf58476d1ce4e5b9n);
  x = word64((x ^ (x >> 27n)) * 0x94d049bb133111ebn);
  return x ^ (x >> 31n);
}

/** Whether a number is a seed: whole, from 0 to 2^53 - 1. */
export function isSeed(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/** The first words of a stream of a seed. */
export function words(seed: number, stream: number, count: number): bigint[] {
  if (!isSeed(seed)) throw new RangeError(`${seed} is no seed`);
  let state = mix(word64(mix(BigInt(seed)) + BigInt(stream)));
  return Array.from({ length: count }, () => {
    state = word64(state + GAMMA);
    return mix(state);
  });
}

/** Uniform draws of a stream: float64 in [0, 1). */
export function uniforms(seed: number, stream: number, count: number): number[] {
  return words(seed, stream, count).map((word) => Number(word >> 11n) * UNIT);
}

/** The latent of a seed: z values of a standard normal, float32. */
export function latent(seed: number, z: number): Float32Array {
  const draws = uniforms(seed, LATENT, z + (z % 2));
  const values = new Float32Array(z);
  for (let k = 0; k < z; k += 2) {
    const radius = Math.sqrt(-2 * Math.log(draws[k] + UNIT));
    const angle = 2 * Math.PI * draws[k + 1];
    values[k] = radius * Math.cos(angle);
    if (k + 1 < z) values[k + 1] = radius * Math.sin(angle);
  }
  return values;
}

/** pairs[a][b][v][w]: how often value v of attribute a was seen with value w of an attribute b before it. */
export type Pairs = readonly (readonly (readonly (readonly number[])[])[])[];

const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);

/** The share of value w of attribute b among the faces with value v of attribute a. */
function share(pairs: Pairs, a: number, v: number, b: number, w: number): number {
  if (!pairs.length) return 1;
  const later = b < a;
  const table = later ? pairs[a][b] : pairs[b][a];
  const seen = later ? total(table[v]) : total(table.map((row) => row[v]));
  if (seen) return (later ? table[v][w] : table[w][v]) / seen;
  const every = total(table.map(total));
  return every ? (later ? total(table.map((row) => row[w])) : total(table[w])) / every : 1;
}

/** A value for every attribute of a seed, of which those go together that were seen together; docs/latents.md. */
export function drawLabels(
  seed: number,
  frequencies: readonly (readonly number[])[],
  pairs: Pairs = [],
  asked: ReadonlyMap<number, number> = new Map(),
): number[] {
  const draws = uniforms(seed, LABELS, frequencies.length);
  const labels: number[] = [];
  const draw = (a: number, known: readonly number[]): number => {
    const counts = frequencies[a].some((count) => count > 0) ? frequencies[a] : frequencies[a].map(() => 1);
    const weights = counts.map((count, v) =>
      known.reduce((weight, b) => weight * share(pairs, a, v, b, labels[b]), count),
    );
    const taken = weights.some((weight) => weight > 0) ? weights : counts;
    const mark = draws[a] * total(taken);
    let sum = 0;
    return taken.findIndex((weight) => {
      sum += weight;
      return mark < sum;
    });
  };
  const all = frequencies.map((_, a) => a);
  for (const a of all) labels.push(draw(a, all.slice(0, a)));
  for (const [a, value] of asked) labels[a] = value;
  for (const a of all) {
    if (!asked.size || asked.has(a)) continue;
    const known = all.filter((b) => b < a || (b > a && asked.has(b)));
    if (known.some((b) => !share(pairs, a, labels[a], b, labels[b]))) labels[a] = draw(a, known);
  }
  return labels;
}

const length = (x: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i] * x[i];
  return Math.sqrt(sum);
};

/** The point at fraction t of the way from a to b: directions turn, lengths change evenly; float64. */
export function slerp(a: ArrayLike<number>, b: ArrayLike<number>, t: number): Float64Array {
  const lengthA = length(a);
  const lengthB = length(b);
  const product = lengthA * lengthB;
  let dot = 0;
  for (let i = 0; i < a.length; i++) dot += a[i] * b[i];
  const angle = product > 0 ? Math.acos(Math.min(1, Math.max(-1, dot / product))) : 0;
  const sine = Math.sin(angle);
  const out = new Float64Array(a.length);
  if (product === 0 || sine < 1e-6) {
    for (let i = 0; i < a.length; i++) out[i] = (1 - t) * a[i] + t * b[i];
    return out;
  }
  const fromA = Math.sin((1 - t) * angle);
  const fromB = Math.sin(t * angle);
  const reach = (1 - t) * lengthA + t * lengthB;
  for (let i = 0; i < a.length; i++) {
    out[i] = ((fromA * (a[i] / lengthA) + fromB * (b[i] / lengthB)) / sine) * reach;
  }
  return out;
}

/** Which keys frame f of a walk lies between, and how far along, eased so that it rests on each. */
export function step(
  frame: number,
  frames: number,
  keys: number,
): { key: number; next: number; eased: number } {
  const key = Math.floor((frame * keys) / frames);
  const t = ((frame * keys) % frames) / frames;
  return { key, next: (key + 1) % keys, eased: t * t * (3 - 2 * t) };
}

/** The latents of a walk past seed, seed + 1, ... seed + keys - 1 and back. */
export function walk(seed: number, frames: number, z: number, keys: number): Float32Array[] {
  const stops = Array.from({ length: keys }, (_, i) => latent(seed + i, z));
  return Array.from({ length: frames }, (_, f) => {
    const { key, next, eased } = step(f, frames, keys);
    return Float32Array.from(slerp(stops[key], stops[next], eased));
  });
}

/** A point drawn towards the origin, or towards the nearest centre, in float32. */
export function truncate(
  point: readonly number[],
  psi: number,
  centres: readonly (readonly number[])[] | null,
): number[] {
  const f = Math.fround;
  const p = point.map(f);
  const factor = f(psi);
  if (!centres) return p.map((value) => f(value * factor));
  const distances = centres.map((c) =>
    p.reduce((sum, value, i) => {
      const apart = f(value - f(c[i]));
      return f(sum + f(apart * apart));
    }, 0),
  );
  const nearest = centres[distances.indexOf(Math.min(...distances))].map(f);
  return p.map((value, i) => f(nearest[i] + f(factor * f(value - nearest[i]))));
}

/** Bytes of a generator's output values, which lie in [low, high]. */
export function toByte(value: number, low: number, high: number): number {
  const f = Math.fround;
  const scaled = f(f(f(value) - f(low)) * f(255 / (high - low)));
  return Math.floor(f(Math.min(255, Math.max(0, scaled)) + 0.5));
}
