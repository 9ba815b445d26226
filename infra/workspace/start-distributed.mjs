// `npm run start:distributed [-- --replicas knowledge=2]`: prepares what is missing, then runs the gateway and every
// service as a process of its own (the distributed shape).
import path from "node:path";
import { pathToFileURL } from "node:url";
import { command, prepare, root } from "./prepare.mjs";
import { stopWithNpm } from "./stop-with-npm.mjs";

await command(async () => {
  stopWithNpm();
  await prepare();
  process.setSourceMapsEnabled(true);
  const { run } = await import(pathToFileURL(path.join(root, "infra/distributed/dist/main.js")).href);
  await run(process.argv.slice(2));
});
