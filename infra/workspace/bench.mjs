// Measures, and prints one table: `npm run bench`, or `npm run bench -- rls answers` for some. bench/README.md.
import { spawn } from "node:child_process";
import path from "node:path";
import { bin, command, prepare, root } from "./prepare.mjs";

await command(async () => {
  await prepare();
  const args = [bin("tsx"), "--conditions=@atrium/source", path.join(root, "bench/src/main.ts")];
  const child = spawn(process.execPath, [...args, ...process.argv.slice(2)], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, NODE_ENV: "production" },
  });
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
  child.on("close", (code) => process.exit(code ?? 1));
});
