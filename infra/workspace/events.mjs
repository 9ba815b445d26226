// `npm run events -- COMMAND`: looks at the events of an installation, and settles what went wrong (infra/events).
import path from "node:path";
import { pathToFileURL } from "node:url";
import { command, prepare, root } from "./prepare.mjs";

await command(async () => {
  await prepare({ write: (text) => process.stderr.write(text) });
  const { run } = await import(pathToFileURL(path.join(root, "infra/events/dist/main.js")).href);
  await run(process.argv.slice(2));
});
