/**
 * Stands between onnxruntime-web and its glue, so that the WebAssembly is compiled while it is fetched: the
 * glue asks `instantiateWasm` (emscripten's name) for an instance before it would compile bytes by itself.
 */
const { default: factory } = await import(self.glue);

export default (options) =>
  factory({
    ...options,
    instantiateWasm(imports, received) {
      self.runtime
        .then((module) => WebAssembly.instantiate(module, imports).then((made) => received(made, module)))
        .catch(() => undefined);
      return {};
    },
  });
