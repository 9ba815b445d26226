// `npm run kafka [-- FOLDER]`: an Apache Kafka broker of one node, for whoever wants the distributed shape's events here.
import path from "node:path";
import { pathToFileURL } from "node:url";
import { command, prepare, root } from "./prepare.mjs";

await command(async () => {
  await prepare();
  const { run } = await import(pathToFileURL(path.join(root, "infra/kafka/dist/main.js")).href);
  await run(process.argv.slice(2));
});
