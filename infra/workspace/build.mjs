// Compiles one workspace: every source file to one CommonJS file beside its siblings in dist/, with a source map. The files
// that are named as arguments get all that they import into theirs: one large file is loaded sooner than hundreds of small ones.
import { build } from "esbuild";
import { readdirSync, rmSync } from "node:fs";
import path from "node:path";

const sources = readdirSync("src", { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith(".ts") && !entry.name.endsWith(".test.ts"))
  .map((entry) => path.join(entry.parentPath, entry.name));

const common = {
  outdir: "dist",
  outbase: "src",
  format: "cjs",
  platform: "node",
  target: "node20.19",
  sourcemap: true,
  tsconfigRaw: { compilerOptions: { experimentalDecorators: true, useDefineForClassFields: false } },
};

rmSync("dist", { recursive: true, force: true });
await build({ ...common, entryPoints: sources });
const whole = process.argv.slice(2);
if (whole.length > 0)
  await build({
    ...common,
    entryPoints: whole,
    bundle: true,
    // Only what runs from source asks for it.
    external: ["tsx"],
    // Names stay: errors are told apart, and told of, by them.
    minifySyntax: true,
    minifyWhitespace: true,
    sourcesContent: false,
    allowOverwrite: true,
  });
