import { Client, type QueryConfig, type QueryResult, type QueryResultRow } from "pg";
import type { EventLog } from "./log";
import { wakeChannel } from "./wake";

/** The leader's own connection: in the service's scope, for one statement at a time, whoever asks. */
export class LeaderConnection {
  #last: Promise<unknown> = Promise.resolve();

  constructor(private readonly client: Client) {}

  query<Row extends QueryResultRow>(statement: QueryConfig): Promise<QueryResult<Row>> {
    const result = this.#last.then(() => this.client.query<Row>(statement));
    this.#last = result.catch(() => {});
    return result;
  }
}

/** What a leader does while it leads. */
export interface Reign {
  /** There is something to do: in the outbox, in the inbox of a group, or somewhere, as another process says. */
  wake(where?: string): void;
  stop(): Promise<void>;
}

export interface Leadership {
  readonly leads: boolean;
  /** Tells the leader, whichever process that is, that there is something to do, and where. Cheap to call often. */
  wake(where?: string): void;
  stop(): Promise<void>;
}

// A follower looks for the free lock this often: the time nobody leads after a leader was killed.
const candidacyMs = 250;
const reconnectMs = 500;
const heartbeatMs = 3_000;
// A leader that is frozen or cut off for this long loses its connection, and so the lock.
const deadAfterMs = 12_000;
const notifyPauseMs = 5;

/**
 * One process at a time leads: the one that holds an advisory lock on a connection of its own. The connection must
 * reach PostgreSQL itself, or through a pooler in session mode.
 *
 * Losing the connection ends the reign; what it had begun may still finish beside the next leader's first steps, so
 * the work itself has to bear being done twice.
 */
export function leadWhenPossible({
  url,
  name,
  lead,
  log,
}: {
  url: string;
  name: string;
  lead(connection: LeaderConnection): Reign;
  log: EventLog;
}): Leadership {
  const channel = wakeChannel(name);
  let client: Client | undefined;
  let connection: LeaderConnection | undefined;
  let reign: Reign | undefined;
  let stopped = false;
  let notification: NodeJS.Timeout | undefined;
  let endPause = () => {};

  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  /** Connects, waits for the lock, leads; returns when the connection is lost. */
  const serve = async () => {
    const own = new Client({
      connectionString: url,
      application_name: `atrium events ${name}`,
      keepAlive: true,
      connectionTimeoutMillis: deadAfterMs,
    });
    const lost = new Promise<void>((resolve) => own.once("end", resolve));
    own.on("error", () => {}); // "end" follows
    own.on("notification", () => reign?.wake());
    let heartbeat: NodeJS.Timeout | undefined;
    try {
      client = own;
      // One that is ended while it connects never says so where it was asked to connect.
      await Promise.race([own.connect(), lost]);
      if (stopped) return;
      await own.query(
        // What the relay deletes may come back after a crash of the machine: it is published again then. So its commits
        // needn't wait for the disk.
        `set app.scope = 'service'; set timezone = 'UTC'; set synchronous_commit = off;
         set idle_session_timeout = ${deadAfterMs};
         set tcp_keepalives_idle = 5; set tcp_keepalives_interval = 2; set tcp_keepalives_count = 3;
         listen "${channel}"`,
      );
      const leaders = new LeaderConnection(own);
      connection = leaders;
      heartbeat = setInterval(() => void beat(own, leaders), heartbeatMs);
      while (!stopped && !(await tryLock(leaders))) await pause(candidacyMs);
      if (stopped) return;
      reign = lead(leaders);
      await lost;
      if (!stopped) log.warn({}, `The connection on which ${name} relayed its events was lost`);
    } finally {
      clearInterval(heartbeat);
      connection = undefined;
      const ending = reign;
      reign = undefined;
      await ending?.stop();
      await own.end().catch(() => {});
    }
  };

  const tryLock = async (candidate: LeaderConnection) => {
    const text = "select pg_try_advisory_lock(hashtextextended($1, 0)) as locked";
    const { rows } = await candidate.query<{ locked: boolean }>({ text, values: [channel] });
    return rows[0]?.locked === true;
  };

  const run = async () => {
    while (!stopped) {
      try {
        await serve();
      } catch (error) {
        if (!stopped) log.warn({ err: error }, `${name} can't reach its database for events`);
      }
      if (!stopped) await pause(reconnectMs);
    }
  };
  const ended = run();

  return {
    get leads() {
      return reign !== undefined;
    },
    wake(where) {
      if (reign) return reign.wake(where);
      notification ??= setTimeout(() => {
        notification = undefined;
        connection?.query({ text: "select pg_notify($1, '')", values: [channel] }).catch(() => {});
      }, notifyPauseMs);
    },
    async stop() {
      stopped = true;
      clearTimeout(notification);
      endPause();
      const ending = reign;
      await ending?.stop();
      await client?.end().catch(() => {});
      await ended;
    },
  };
}

// Keeps the server from taking this process for dead, and finds out whether the server is.
async function beat(client: Client, connection: LeaderConnection) {
  const silence = setTimeout(() => client.connection.stream.destroy(), deadAfterMs - heartbeatMs);
  await connection.query({ text: "select 1" }).catch(() => {});
  clearTimeout(silence);
}
