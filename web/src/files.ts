/** Pictures as files: PNG and GIF with what they say of themselves in them. */

import { applyPalette, GIFEncoder, quantize } from "gifenc";
import { type Facts, packet } from "./facts";

const text = new TextEncoder();

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

function crc32(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (const byte of bytes) c = TABLE[(c ^ byte) & 255] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

function chunk(kind: string, content: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(content.length + 12);
  const view = new DataView(out.buffer);
  view.setUint32(0, content.length);
  out.set(text.encode(kind), 4);
  out.set(content, 8);
  view.setUint32(8 + content.length, crc32(out.subarray(4, 8 + content.length)));
  return out;
}

/** A PNG with facts in it: the XMP packet, and the plain JSON in a chunk of its own. */
export function withFacts(png: Uint8Array<ArrayBuffer>, said: Facts): Blob {
  const head = 33; // the signature and IHDR
  const chunks = [
    chunk("iTXt", text.encode(`XML:com.adobe.xmp\0\0\0\0\0${packet(said)}`)),
    chunk("iTXt", text.encode(`phiz\0\0\0\0\0${JSON.stringify(said)}`)),
  ];
  return new Blob([png.subarray(0, head), ...chunks, png.subarray(head)], { type: "image/png" });
}

/** A canvas as a PNG with facts in it. */
export async function png(canvas: HTMLCanvasElement, said: Facts): Promise<Blob> {
  const plain = await new Promise<Blob | null>((done) => canvas.toBlob(done, "image/png"));
  if (!plain) throw new Error("the browser could not write a PNG");
  return withFacts(new Uint8Array(await plain.arrayBuffer()), said);
}

/** A film that loops, as a GIF with facts in it; one palette for all frames, so that nothing flickers. */
export function gif(frames: readonly ImageData[], fps: number, said: Facts): Blob {
  const { width, height } = frames[0];
  const encoder = GIFEncoder();
  const some = frames.filter((_, i) => i % Math.max(1, Math.floor(frames.length / 12)) === 0);
  const joined = new Uint8ClampedArray(some.length * some[0].data.length);
  for (const [i, frame] of some.entries()) joined.set(frame.data, i * frame.data.length);
  const palette = quantize(joined, 256);
  for (const [i, frame] of frames.entries()) {
    const before = Math.round((i * 100) / fps);
    const delay = (Math.round(((i + 1) * 100) / fps) - before) * 10;
    encoder.writeFrame(applyPalette(frame.data, palette), width, height, {
      palette: i ? undefined : palette,
      delay,
    });
  }
  encoder.finish();
  const bytes = encoder.bytes() as Uint8Array<ArrayBuffer>;
  const trailer = Uint8Array.from({ length: 258 }, (_, i) => (i === 0 ? 1 : i < 257 ? 256 - i : 0));
  const parts = [
    bytes.subarray(0, -1),
    text.encode("!\xff"),
    text.encode(packet(said)),
    trailer,
    Uint8Array.of(0x3b),
  ];
  parts[1] = Uint8Array.of(0x21, 0xff, 0x0b, ...text.encode("XMP DataXMP"));
  return new Blob(parts as BlobPart[], { type: "image/gif" });
}

/** Hand a file to the visitor. */
export function download(blob: Blob, name: string): void {
  const address = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
