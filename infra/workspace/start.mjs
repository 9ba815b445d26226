// `npm start`: prepares what is missing, then runs the whole product in this process (the embedded shape).
import path from "node:path";
import { pathToFileURL } from "node:url";
import { command, prepare, root } from "./prepare.mjs";

await command(async () => {
  await prepare();
  process.setSourceMapsEnabled(true);
  const { run } = await import(pathToFileURL(path.join(root, "infra/embedded/dist/main.js")).href);
  await run();
});
