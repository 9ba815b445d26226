// `npm run operations -- publish FILE`: puts a client's operations among those that the gateway knows.
import path from "node:path";
import { pathToFileURL } from "node:url";
import { command, prepare, root } from "./prepare.mjs";

await command(async () => {
  await prepare({ write: (text) => process.stderr.write(text) });
  const { publishOperations } = await import(pathToFileURL(path.join(root, "gateway/dist/admission/publish.js")).href);
  const target = process.env.OPERATIONS_MANIFEST ?? path.join(root, ".atrium/operations.json");
  process.exitCode = publishOperations(process.argv.slice(2), target);
});
