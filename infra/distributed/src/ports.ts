import { randomInt } from "node:crypto";
import { createServer } from "node:net";

// Below those that systems give to outgoing connections: a port that is free while its process is started anew isn't
// taken by one of them.
const lowest = 20_000;
const highest = 32_000;

const taken = new Set<number>();

/** A port that nobody has, and that this function gives to nobody else. */
export async function ownPort(): Promise<number> {
  for (;;) {
    const port = randomInt(lowest, highest);
    if (taken.has(port) || !(await isFree(port))) continue;
    taken.add(port);
    return port;
  }
}

function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  return new Promise((resolve) => {
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}
