// Fits the weights of the answer model to the evaluation set, and prints them: `npm run fit-answers`. services/knowledge/README.md.
import { spawn } from "node:child_process";
import path from "node:path";
import { bin, command, prepare, root } from "./prepare.mjs";

await command(async () => {
  await prepare({ write: (text) => process.stderr.write(text) });
  const program = path.join(root, "services/knowledge/src/retrieval/evaluation/fit-answers.ts");
  const child = spawn(process.execPath, [bin("tsx"), "--conditions=@atrium/source", program], {
    cwd: root,
    stdio: "inherit",
  });
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
  child.on("close", (code) => process.exit(code ?? 1));
});
