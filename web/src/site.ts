/** What a page was published with: the JSON in its head, written by phiz/publish. */

import type { Pairs } from "./latents";

export interface Golden {
  seeds: number[];
  /** Every so many-th pixel of a face, row by row, is kept. */
  step: number;
  /** Bytes of those pixels' channels, base64. */
  values: string;
}

export interface Card {
  author: string;
  licence: string;
  learned_from: string | null;
  faces: number | null;
  faceset: string | null;
  recipe: string | null;
  steps: number | null;
  network: string;
  weights: number;
  figures: Record<string, number>;
  copying: { verdict: string; flagged: boolean } | null;
}

export interface Model {
  hash: string;
  name: string;
  size: number;
  z: number;
  /** The names of its labels, in the order in which it takes them; pages of before lack them. */
  attributes?: string[];
  labels: Record<string, string[]>;
  frequencies: Record<string, number[]>;
  /** How often two values were seen together; pages of before lack it. */
  pairs?: Pairs;
  output_range: [number, number];
  /** Whether the finer stages take a latent of their own; pages of before lack it. */
  mixes?: boolean;
  form: string;
  bytes: number;
  weights: string;
  golden: Golden;
  directions: { names: string[]; vectors: string };
  /** The first faces: their seeds follow one by one from `seed`; pictures is the name of a part. */
  wall: { seed: number; count: number; pictures: string };
  /** What makes its faces larger, where the publisher brought it. */
  larger?: { times: number; weights: string; bytes: number; hash: string } | null;
  card: Card;
}

export interface Runtime {
  /** The library, its glue, what stands between them, and the WebAssembly. */
  ort: string;
  glue: string;
  between: string;
  binary: string;
  bytes: number;
}

export interface Site {
  format: number;
  /** What stands above the faces; empty: the page's own words. */
  title: string;
  phiz: string;
  single: boolean;
  worker: string;
  offline: string | null;
  runtimes: { wasm: Runtime; webgpu?: Runtime };
  models: Model[];
}

/** A part of the page: an address, or bytes that lay in the page itself. */
export type Part = string | Uint8Array<ArrayBuffer>;

export function readSite(): Site {
  const text = document.getElementById("site")?.textContent ?? "";
  return JSON.parse(text) as Site;
}

/** Bytes of base64 text. */
export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Base64 text of bytes. */
export function base64Of(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/** The part of a page by its name: where it is to be fetched, or the bytes of one that is in the page. */
export function partOf(site: Site, name: string): Part {
  if (!site.single) return new URL(name, document.baseURI).href;
  const place = document.querySelector(`script[data-part="${CSS.escape(name)}"]`);
  if (!place?.textContent) throw new Error(`the page lacks ${name}`);
  return bytesOf(place.textContent.trim());
}

/** Undo gzip where bytes have it; a server may have done so already. */
export async function unpacked(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The directions of a model, one array a direction. */
export function directionsOf(model: Model): Float32Array[] {
  const all = new Float32Array(bytesOf(model.directions.vectors).buffer);
  return model.directions.names.map((_, i) => all.subarray(i * model.z, (i + 1) * model.z));
}
