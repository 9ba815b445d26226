// `npm run dev`: like `npm start`, and started anew from the sources whenever one of them changes.
import { spawn } from "node:child_process";
import path from "node:path";
import { bin, command, prepare, root } from "./prepare.mjs";

await command(async () => {
  await prepare();
  const entry = path.join(root, "infra/embedded/src/main.ts");
  const args = [bin("tsx"), "watch", "--clear-screen=false", "--conditions=@atrium/source", entry];
  const child = spawn(process.execPath, args, { cwd: root, stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
  child.on("close", (code) => process.exit(code ?? 0));
});
