import { setTimeout as wait } from "node:timers/promises";
import pg from "pg";
import { silent, type Log } from "../log";
import { EmbeddedPostgresError } from "./binaries";
import { erase, launch, runningAddress, shutDown } from "./server";

export interface EmbeddedPostgres {
  /** Of the administrator; the password is this installation's own. */
  adminUrl: string;
  port: number;
  stop(): Promise<void>;
}

const exclusiveLock = 727_073_691;
const takeOverMs = 3_000;
const farewellMs = 1_000;
const restartsPerMinuteMax = 5;
const restartPauseMs = 1_000;

/**
 * PostgreSQL from npm on `directory`, listening on 127.0.0.1 alone. Takes over a server that a killed process left
 * running, refuses a directory that a living one uses, and starts a server that ended by itself again on the same
 * port. `stop` also ends a server that was taken over.
 */
export async function startEmbeddedPostgres({
  directory,
  log = silent,
}: {
  directory: string;
  log?: Log;
}): Promise<EmbeddedPostgres> {
  let stopping = false;
  let keeper: pg.Client;
  let restarting: Promise<void> | undefined;
  const restarts: number[] = [];

  const begin = async () => {
    const server = await launch({ directory, log });
    keeper = await takeDirectory(server.adminUrl, directory);
    keeper.on("error", (error) => {
      if (stopping || restarting) return;
      log.error({ err: error }, "the embedded PostgreSQL has ended unexpectedly and is started again");
      restarting = restart().finally(() => (restarting = undefined));
    });
    log.info({ port: server.port, pid: server.pid, reused: server.reused }, "the embedded PostgreSQL is ready");
    return server;
  };

  const restart = async () => {
    while (!stopping) {
      restarts.push(Date.now());
      const recent = restarts.filter((at) => at > Date.now() - 60_000).length;
      if (recent > restartsPerMinuteMax) return log.error({ recent }, "the embedded PostgreSQL keeps ending; given up");
      try {
        await begin();
        return;
      } catch (error) {
        log.error({ err: error }, "the embedded PostgreSQL could not be started again; it is tried once more");
        await wait(restartPauseMs);
      }
    }
  };

  const { adminUrl, port } = await begin();
  return {
    adminUrl,
    port,
    stop: async () => {
      stopping = true;
      await restarting;
      await untilOthersLeft(keeper);
      await keeper.end().catch(() => {});
      await shutDown(directory);
    },
  };
}

// A pool that has been closed has sent its good-byes, but the server may not have read them yet; it would answer with an
// error that nobody needs to see.
async function untilOthersLeft(keeper: pg.Client): Promise<void> {
  for (const deadline = Date.now() + farewellMs; Date.now() < deadline; await wait(10)) {
    const others = await keeper
      .query("select from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()")
      .catch(() => null);
    if (!others?.rowCount) return;
  }
}

/** The administrator's address of the server that a living process runs on `directory`: for an operator's commands. */
export const runningEmbeddedPostgres = (directory: string): string | null => runningAddress(directory);

/** Ends the server of `directory` and deletes all its data. */
export async function removeEmbeddedPostgres(directory: string): Promise<void> {
  await erase(directory);
}

// The lock lasts as long as the connection: the server frees it by itself when its holder is killed.
async function takeDirectory(adminUrl: string, directory: string): Promise<pg.Client> {
  const keeper = new pg.Client({
    connectionString: adminUrl,
    application_name: `atrium ${process.pid}`,
    keepAlive: true,
  });
  await keeper.connect();
  for (const deadline = Date.now() + takeOverMs; ; await wait(50)) {
    const { rows } = await keeper.query<{ taken: boolean }>("select pg_try_advisory_lock($1) as taken", [
      exclusiveLock,
    ]);
    if (rows[0]!.taken) return keeper;
    if (Date.now() > deadline) break;
  }
  const { rows } = await keeper.query<{ holder: string }>(
    `select application_name as holder from pg_locks join pg_stat_activity using (pid)
     where locktype = 'advisory' and granted and objid = $1`,
    [exclusiveLock],
  );
  await keeper.end();
  const holder = rows[0]?.holder.replace("atrium ", "process ") ?? "another process";
  throw new EmbeddedPostgresError(`The database in ${directory} is in use by ${holder}; stop that first.`);
}
