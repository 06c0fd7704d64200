/** In the worker: parts of the page as they come over the line, unpacked and compiled on the way. */

import { type Part, unpacked } from "./site";

type Bytes = Uint8Array<ArrayBuffer>;

/** The bytes of a part as they come, unpacked where they are packed; `came` is told how many, and the end. */
export async function flow(
  part: Part,
  came: (bytes: number, all: boolean) => void,
): Promise<ReadableStream<Bytes>> {
  const reader = (await source(part)).getReader();
  let done = 0;
  const read = async (): Promise<ReadableStreamReadResult<Bytes>> => {
    const piece = await reader.read();
    done += piece.value?.length ?? 0;
    came(done, piece.done);
    return piece;
  };
  let first: ReadableStreamReadResult<Bytes> | null = await read();
  const [a, b] = first.value ?? [];
  const whole = new ReadableStream<Bytes>({
    async pull(to) {
      const piece = first ?? (await read());
      first = null;
      if (piece.value) to.enqueue(piece.value);
      if (piece.done) to.close();
    },
  });
  const packed = a === 0x1f && b === 0x8b; // a server may have unpacked it already
  return packed ? whole.pipeThrough(new DecompressionStream("gzip")) : whole;
}

async function source(part: Part): Promise<ReadableStream<Bytes>> {
  if (typeof part !== "string") return new Blob([part]).stream() as ReadableStream<Bytes>;
  const response = await fetch(part);
  const name = part.split("/").pop();
  if (!response.ok || !response.body) throw new Error(`${name}: ${response.status}`);
  const page = response.headers.get("content-type")?.startsWith("text/html");
  if (page) throw new Error(`${name}: a page came instead`);
  return response.body;
}

/** All bytes of a stream. */
export const whole = async (stream: ReadableStream<Bytes>): Promise<Bytes> =>
  new Uint8Array(await new Response(stream).arrayBuffer());

/** WebAssembly, compiled while it comes. */
export async function compiled(stream: ReadableStream<Bytes>): Promise<WebAssembly.Module> {
  const answer = new Response(stream, { headers: { "Content-Type": "application/wasm" } });
  if (typeof WebAssembly.compileStreaming === "function") return WebAssembly.compileStreaming(answer);
  return WebAssembly.compile(await answer.arrayBuffer());
}

/** An address from which a part that is a program can be imported. */
export const address = async (part: Part): Promise<string> =>
  typeof part === "string"
    ? part
    : URL.createObjectURL(new Blob([await unpacked(part)], { type: "text/javascript" }));
