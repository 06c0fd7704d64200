/**
 * Build what phiz puts into every site: npm run build
 *
 * main.js, worker.js and sw.js each stand alone, so that they can be put into one file; onnxruntime-web is
 * taken as it is published, its WebAssembly packed with gzip. The same sources give the same bytes.
 */

import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { build } from "vite";

const here = new URL(".", import.meta.url);
const out = new URL("../src/phiz/publish/page/", here);
const ort = new URL("node_modules/onnxruntime-web/", here);

await rm(out, { recursive: true, force: true });
await mkdir(new URL("runtime/", out), { recursive: true });
for (const name of ["main", "worker", "sw"]) {
  await build({
    root: here.pathname,
    configFile: false,
    logLevel: "warn",
    publicDir: false,
    build: {
      target: "es2022",
      outDir: out.pathname,
      emptyOutDir: false,
      minify: true,
      reportCompressedSize: false,
      modulePreload: false,
      rollupOptions: {
        input: new URL(`src/${name}.ts`, here).pathname,
        output: { format: name === "main" ? "es" : "iife", entryFileNames: `${name}.js` },
      },
    },
  });
}

const page = await readFile(new URL("page.html", here), "utf-8");
await writeFile(new URL("page.html", out), page);
const css = await build({
  root: here.pathname,
  configFile: false,
  logLevel: "warn",
  build: { write: false, rollupOptions: { input: new URL("src/style.css", here).pathname } },
});
const style = (Array.isArray(css) ? css[0] : css).output.find((part) => part.fileName.endsWith(".css"));
await writeFile(new URL("style.css", out), style.source);

await copyFile(new URL("src/runtime.mjs", here), new URL("runtime.mjs", out));
const pieces = [
  "ort.wasm.min.mjs",
  "ort-wasm-simd-threaded.mjs",
  "ort.webgpu.min.mjs",
  "ort-wasm-simd-threaded.asyncify.mjs",
];
for (const name of pieces) {
  const text = await readFile(new URL(`dist/${name}`, ort), "utf-8");
  await writeFile(new URL(`runtime/${name}`, out), text.replace(/\n?\/\/# sourceMappingURL=.*\n?$/, "\n"));
}
for (const name of ["ort-wasm-simd-threaded", "ort-wasm-simd-threaded.asyncify"]) {
  const packed = gzipSync(await readFile(new URL(`dist/${name}.wasm`, ort)), { level: 9 });
  await writeFile(new URL(`runtime/${name}.wasm.gz`, out), packed);
}
const licence = await readFile(new URL("licences.txt", here), "utf-8");
await writeFile(new URL("runtime/NOTICE.txt", out), licence);
