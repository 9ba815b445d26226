import { Client } from "pg";
import type { EventLog } from "./log";
import { wakeChannel } from "./wake";

/** What a leader does while it leads. */
export interface Reign {
  /** Another process of this service has appended or received something. */
  wake(): void;
  stop(): Promise<void>;
}

export interface Leadership {
  readonly leads: boolean;
  /** Tells the leader, whichever process that is, that there is something to do. Cheap to call often. */
  wake(): void;
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
export function leadWhenPossible({ url, name, lead, log }: { url: string; name: string; lead(connection: Client): Reign; log: EventLog }): Leadership {
  const channel = wakeChannel(name);
  let connection: Client | undefined;
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
    const client = new Client({ connectionString: url, application_name: `atrium events ${name}`, keepAlive: true, connectionTimeoutMillis: deadAfterMs });
    const lost = new Promise<void>((resolve) => client.once("end", resolve));
    client.on("error", () => {}); // "end" follows
    client.on("notification", () => reign?.wake());
    let heartbeat: NodeJS.Timeout | undefined;
    try {
      await client.connect();
      connection = client;
      await client.query(
        `set app.scope = 'service'; set timezone = 'UTC'; set idle_session_timeout = ${deadAfterMs};
         set tcp_keepalives_idle = 5; set tcp_keepalives_interval = 2; set tcp_keepalives_count = 3;
         listen "${channel}"`,
      );
      heartbeat = setInterval(() => void beat(client), heartbeatMs);
      while (!stopped && connection === client && !(await tryLock(client))) await pause(candidacyMs);
      if (stopped || connection !== client) return;
      reign = lead(client);
      await lost;
      if (!stopped) log.warn({}, `The connection on which ${name} relayed its events was lost`);
    } finally {
      clearInterval(heartbeat);
      connection = undefined;
      const ending = reign;
      reign = undefined;
      await ending?.stop();
      await client.end().catch(() => {});
    }
  };

  const tryLock = async (client: Client) => {
    const { rows } = await client.query<{ locked: boolean }>(
      "select pg_try_advisory_lock(hashtextextended($1, 0)) as locked",
      [channel],
    );
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
    wake() {
      if (reign) return reign.wake();
      notification ??= setTimeout(() => {
        notification = undefined;
        connection?.query("select pg_notify($1, '')", [channel]).catch(() => {});
      }, notifyPauseMs);
    },
    async stop() {
      stopped = true;
      clearTimeout(notification);
      endPause();
      const ending = reign;
      await ending?.stop();
      await connection?.end().catch(() => {});
      await ended;
    },
  };
}

async function beat(client: Client) {
  const silence = setTimeout(() => client.connection.stream.destroy(), deadAfterMs - heartbeatMs);
  await client.query("select 1").catch(() => {});
  clearTimeout(silence);
}
