// Loads Prisma's schema engine. Does what the package's own entry does, for those who can't import WebAssembly as a
// module, as Node 20 can't.
const { readFileSync } = require("node:fs");
const path = require("node:path");
const glue = require("@prisma/schema-engine-wasm/schema_engine_bg");

// Where the engine reports a panic.
globalThis.PRISMA_WASM_PANIC_REGISTRY = { set_message: (message) => console.error(message) };

const file = path.join(path.dirname(require.resolve("@prisma/schema-engine-wasm")), "schema_engine_bg.wasm");
const { exports: engine } = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(file)), {
  "./schema_engine_bg.js": glue,
});
glue.__wbg_set_wasm(engine);
engine.__wbindgen_start();

module.exports = glue;
