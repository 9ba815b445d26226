// Ends the test server once no process that registered with it is alive: `node tools/keeper.cjs DIRECTORY POSTMASTER_PID`.
// A process of its own, so that neither Ctrl-C nor a killed test run leaves a server behind.
const { linkSync, readdirSync, rmSync, writeFileSync } = require("node:fs");
const path = require("node:path");

const [directory, postmaster] = process.argv.slice(2);
const holders = path.join(directory, "holders");
const pidFile = path.join(directory, "keeper.pid");
const lock = path.join(directory, "join.lock");
const pollMs = 500;
// The next run often follows at once, and finds the server warm.
const graceMs = 5_000;

writeFileSync(pidFile, String(process.pid));
let lastNeeded = Date.now();
setInterval(() => {
  if (!isAlive(postmaster)) process.exit();
  if (isNeeded()) lastNeeded = Date.now();
  else if (Date.now() - lastNeeded > graceMs) end();
}, pollMs);

function isNeeded() {
  const pids = readdirSync(holders);
  for (const pid of pids) if (!isAlive(pid)) rmSync(path.join(holders, pid), { force: true });
  return pids.some(isAlive);
}

// Under the lock under which processes join: none can find the server as it closes.
function end() {
  const mine = `${lock}.${process.pid}`;
  writeFileSync(mine, String(process.pid));
  try {
    linkSync(mine, lock);
  } catch {
    return;
  } finally {
    rmSync(mine);
  }
  if (isNeeded()) return rmSync(lock, { force: true });
  process.kill(Number(postmaster), "SIGINT");
  setInterval(() => {
    if (isAlive(postmaster)) return;
    rmSync(lock, { force: true });
    process.exit();
  }, 20);
}

function isAlive(pid) {
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
