// `npm start`: prepares what is missing, then runs the whole product in this process (the embedded shape).
import path from "node:path";
import { pathToFileURL } from "node:url";
import { command, prepare, root } from "./prepare.mjs";
import { stopWithNpm } from "./stop-with-npm.mjs";

await command(async () => {
  stopWithNpm();
  await prepare();
  process.setSourceMapsEnabled(true);
  const { run } = await import(pathToFileURL(path.join(root, "infra/embedded/dist/main.js")).href);
  await run();
});
