import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { startRedis, whatIsMissing, type RedisServer } from "./server";

/** A Redis for one suite, and what tests do to it. */
export interface TestRedis {
  readonly url: string;
  readonly pid: number;
  /** Ends it, so that nobody answers at its address. */
  stop(): Promise<void>;
  /** Starts it again at the same address, with what it had. */
  start(): Promise<void>;
  /** Ends it and forgets everything. */
  remove(): Promise<void>;
}

export async function testRedis(): Promise<TestRedis> {
  const directory = mkdtempSync(path.join(tmpdir(), "atrium-redis-"));
  let server: RedisServer = await startRedis({ directory });
  const { url, port } = server;
  return {
    url,
    get pid() {
      return server.pid;
    },
    stop: () => server.stop(),
    async start() {
      server = await startRedis({ directory, port });
    },
    async remove() {
      await server.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** `describe` where Redis can be started. Elsewhere it skips and says why; with `CI` set, it fails instead. */
export function describeWithRedis(name: string, define: () => void): void {
  const why = process.env["CI"] ? null : whatIsMissing();
  if (!why) return void describe(name, define);
  process.stderr.write(`Skipped, because there is no Redis: ${why}\n`);
  describe.skip(name, define);
}
