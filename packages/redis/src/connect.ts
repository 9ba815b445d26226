import { Redis, type RedisOptions } from "ioredis";

export type { Redis } from "ioredis";

interface Log {
  warn(details: object, message: string): void;
  info(details: object, message: string): void;
}

export interface ConnectOptions {
  /** `redis://` or, with TLS, `rediss://`. */
  url: string;
  /** What `CLIENT LIST` shows. */
  name: string;
  log: Log;
  /** What differs from the rule. */
  options?: RedisOptions;
}

const commandTimeoutMs = 5_000;
const silenceMaxMs = 10_000;
const pauseMaxMs = 2_000;

/** A connection that is made again whenever it breaks. */
export function connectRedis({ url, name, log, options }: ConnectOptions): Redis {
  const redis = new Redis(url, {
    connectionName: name.replaceAll(" ", "-"),
    commandTimeout: commandTimeoutMs,
    socketTimeout: silenceMaxMs,
    connectTimeout: commandTimeoutMs,
    // Whether a command whose answer is missing was carried out isn't known: whoever sent it has to decide.
    autoResendUnfulfilledCommands: false,
    // What has been given up may not be carried out when the connection is back: `whenReady` is the place to wait.
    enableOfflineQueue: false,
    maxRetriesPerRequest: null,
    retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times - 1, 10), pauseMaxMs),
    ...options,
  });
  // An outage is one line, however often it is tried to connect.
  let isAway = false;
  redis.on("error", (error: Error) => {
    if (isAway) return;
    isAway = true;
    log.warn({ err: error, connection: name }, "Redis doesn't answer; it is tried again");
  });
  redis.on("ready", () => {
    if (isAway) log.info({ connection: name }, "Redis answers again");
    isAway = false;
  });
  return redis;
}

/** Waits for a connection that is away, but not for long. */
export async function whenReady(redis: Redis): Promise<void> {
  if (redis.status === "ready") return;
  await new Promise<void>((resolve, reject) => {
    const late = setTimeout(() => {
      redis.off("ready", ready);
      reject(new Error(`Redis doesn't answer within ${commandTimeoutMs / 1000} s.`));
    }, commandTimeoutMs).unref();
    const ready = () => {
      clearTimeout(late);
      resolve();
    };
    redis.once("ready", ready);
  });
}

/** The number of the database that an address names. Publishing isn't separated by it, unlike keys. */
export const databaseOf = (url: string): number => Number(/^\/(\d+)$/.exec(new URL(url).pathname)?.[1] ?? 0);
