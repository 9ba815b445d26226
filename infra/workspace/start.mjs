// `npm start`: prepares what is missing, then runs the whole product in this process (the embedded shape).
import path from "node:path";
import { pathToFileURL } from "node:url";
import { command, prepare, root } from "./prepare.mjs";

await command(async () => {
  stopWithNpm();
  await prepare();
  process.setSourceMapsEnabled(true);
  const { run } = await import(pathToFileURL(path.join(root, "infra/embedded/dist/main.js")).href);
  await run();
});

// npm passes a signal on to the shell that it started us by, and the shell ends without passing it on to us.
function stopWithNpm() {
  if (!process.env.npm_lifecycle_event) return;
  const shell = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === shell) return;
    clearInterval(watch);
    process.kill(process.pid, "SIGTERM");
  }, 250);
  watch.unref();
}
