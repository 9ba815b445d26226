// `npm run settings` writes every .env.example from the settings that the code knows; with --check it writes nothing and
// fails where one is missing or says something else.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { command, prepare, root, workspaces } from "./prepare.mjs";

const require = createRequire(import.meta.url);

await command(async () => {
  await prepare();
  const check = process.argv.includes("--check");
  const { checkSettingsExample, processSettings, settingsExample } = require(
    path.join(root, "packages/subgraph/dist/index.js"),
  );
  const faults = [];
  for (const workspace of workspaces()) {
    const own = settingsOf(workspace);
    if (!own) continue;
    // A service as a process of its own is told what every such process is, too.
    const isService = path.dirname(workspace) === path.join(root, "services");
    const settings = isService ? processSettings.extend(own.shape) : own;
    const file = path.join(workspace, ".env.example");
    if (!check) writeFileSync(file, settingsExample(settings));
    const fault = existsSync(file) ? checkSettingsExample(settings, readFileSync(file, "utf8")) : "There is none.";
    if (fault) faults.push(`${path.relative(root, file)}: ${fault}`);
  }
  if (faults.length > 0) console.error(`${faults.join("\n")}\n\nnpm run settings writes them.`);
  process.exitCode = faults.length > 0 ? 1 : 0;
});

/** The one schema that a workspace's settings.ts exports; packages only offer some to others. */
function settingsOf(workspace) {
  const file = path.join(workspace, "dist/settings.js");
  if (!existsSync(file) || path.basename(path.dirname(workspace)) === "packages") return null;
  const schemas = Object.values(require(file)).filter((value) => typeof value?.safeParse === "function" && value.shape);
  if (schemas.length !== 1)
    throw new Error(`${file} exports ${schemas.length} schemas of settings, and should export one.`);
  return schemas[0];
}
