/** The browser that the page is in: what of it the engine asks about. */

import { type Part, partOf, type Site } from "./site";

export interface Surroundings {
  worker: () => Worker;
  /** Whether several threads may share memory. */
  isolated: boolean;
  cores: number;
  /** Whether a graphics card answers. */
  adapter: () => Promise<boolean>;
  part: (name: string) => Part;
}

export function surroundings(site: Site): Surroundings {
  const apple =
    /iPhone|iPad|iPod/.test(navigator.userAgent) ||
    (/Mac/.test(navigator.userAgent) && navigator.maxTouchPoints > 1);
  return {
    worker: () => {
      const part = partOf(site, site.worker);
      if (typeof part === "string") return new Worker(part);
      return new Worker(URL.createObjectURL(new Blob([part], { type: "text/javascript" })));
    },
    isolated: globalThis.crossOriginIsolated === true && !apple, // threads hang there
    cores: navigator.hardwareConcurrency || 1,
    adapter: async () => {
      try {
        const { gpu } = navigator as { gpu?: { requestAdapter(): Promise<unknown> } };
        return Boolean(await gpu?.requestAdapter());
      } catch {
        return false;
      }
    },
    part: (name) => partOf(site, name),
  };
}

/** Whether this browser runs WebAssembly with SIMD, which the runtime needs. */
export function runsWasm(): boolean {
  const simd = [
    0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98,
    11,
  ];
  try {
    return WebAssembly.validate(Uint8Array.from(simd)) && typeof DecompressionStream === "function";
  } catch {
    return false;
  }
}
