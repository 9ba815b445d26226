// `npm run test:chaos [-- ROUNDS]`: the long form of the crash tests over Kafka, with a table of what was killed.
import { spawn } from "node:child_process";
import path from "node:path";
import { bin, command, prepare, root } from "./prepare.mjs";

await command(async () => {
  await prepare();
  const script = path.join(root, "packages/events/src/testing/chaos/main.ts");
  const args = [bin("tsx"), "--conditions=@atrium/source", script, ...process.argv.slice(2)];
  const child = spawn(process.execPath, args, { cwd: root, stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
  child.on("close", (code) => process.exit(code ?? 1));
});
