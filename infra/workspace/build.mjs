// Compiles one workspace: every source file to one CommonJS file beside its siblings in dist/, with a source map.
import { build } from "esbuild";
import { readdirSync, rmSync } from "node:fs";
import path from "node:path";

const sources = readdirSync("src", { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith(".ts") && !entry.name.endsWith(".test.ts"))
  .map((entry) => path.join(entry.parentPath, entry.name));

rmSync("dist", { recursive: true, force: true });
await build({
  entryPoints: sources,
  outdir: "dist",
  outbase: "src",
  format: "cjs",
  platform: "node",
  target: "node20.19",
  sourcemap: true,
  tsconfigRaw: { compilerOptions: { experimentalDecorators: true, useDefineForClassFields: false } },
});
