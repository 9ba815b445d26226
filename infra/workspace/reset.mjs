// `npm run reset`: forgets everything that this installation has stored.
import { existsSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { command, prepare, root, Unprepared } from "./prepare.mjs";

await command(async () => {
  const data = path.resolve(root, process.env.ATRIUM_DATA ?? ".atrium");
  if (!existsSync(data)) return console.log(`There is nothing in ${data}.`);
  // The distributed shape's are in a folder of their own, unless ATRIUM_DATA names another one.
  const installations = [data, path.join(data, "distributed")];
  for (const folder of installations) {
    const running = runningProcess(path.join(folder, "running.pid"));
    if (running)
      throw new Unprepared(`Atrium is running (process ${running}). Stop it first, with Ctrl-C or: kill ${running}`);
  }
  await prepare();
  const { removeEmbeddedPostgres } = createRequire(import.meta.url)(path.join(root, "packages/database/dist/index.js"));
  for (const folder of installations) await removeEmbeddedPostgres(path.join(folder, "postgres"));
  rmSync(data, { recursive: true, force: true });
  console.log(`Forgotten: ${data}`);
});

function runningProcess(file) {
  if (!existsSync(file)) return null;
  const pid = Number(readFileSync(file, "utf8").split("\n")[0]);
  try {
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    return error.code === "EPERM" ? pid : null;
  }
}
