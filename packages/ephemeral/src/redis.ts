import { connectRedis, whenReady, type Redis } from "@atrium/redis";
import { checkedText, checkKey, checkLimit } from "./checks";
import type { EphemeralStore } from "./ephemeral-store";

export interface RedisEphemeralOptions {
  /** `redis://` or, with TLS, `rediss://`. */
  url: string;
  log: { info(details: object, message: string): void; warn(details: object, message: string): void };
}

export interface RedisEphemeral extends EphemeralStore {
  /** Rejects when Redis doesn't answer. */
  ready(): Promise<void>;
  close(): Promise<void>;
}

// Milliseconds to wait: 0 when a point was taken. «EphemeralStore.consume» says what it promises; scripts run one at a
// time, so the decision is one caller's at a time. Numbers are written out: Lua would shorten them to 14 digits.
const consume = /* lua */ `
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local points, window = tonumber(ARGV[1]), tonumber(ARGV[2])
  local delay_first, delay_factor, delay_max = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
  local kept = redis.call('HMGET', KEYS[1], 'used', 'window_ends', 'refused_until', 'exceeded', 'forgotten')
  local used, window_ends = tonumber(kept[1]) or 0, tonumber(kept[2]) or 0
  local refused_until, exceeded, forgotten = tonumber(kept[3]) or 0, tonumber(kept[4]) or 0, tonumber(kept[5]) or 0

  -- Whoever keeps asking while refused costs a look, and no write.
  if refused_until > now then return refused_until - now end

  if window_ends <= now then
    used = 0
    window_ends = now + window
  elseif refused_until > 0 then
    -- The delay was sat out before the window's end: that earns one point.
    used = points - 1
  end
  refused_until = 0
  if forgotten <= now then
    exceeded = 0
    forgotten = 0
  end

  local wait = 0
  if used < points then
    used = used + 1
  else
    wait = window_ends - now
    -- The exponent is bounded, or a long series would overflow.
    if delay_first then wait = math.ceil(math.min(delay_first * delay_factor ^ math.min(exceeded, 60), delay_max)) end
    exceeded = exceeded + 1
    refused_until = now + wait
    forgotten = refused_until + math.max(window, wait)
  end

  local function whole(number) return string.format('%.0f', number) end
  redis.call('HSET', KEYS[1], 'used', whole(used), 'window_ends', whole(window_ends),
    'refused_until', whole(refused_until), 'exceeded', whole(exceeded), 'forgotten', whole(forgotten))
  redis.call('PEXPIREAT', KEYS[1], whole(math.max(window_ends, refused_until, forgotten)))
  return wait
`;

type Scripted = Redis & { atriumConsume(key: string, ...numbers: (number | "")[]): Promise<number> };

const valueAt = (key: string) => `atrium:value:${key}`;
const limitAt = (name: string, key: string) => `atrium:limit:${name}:${key}`;
const milliseconds = (seconds: number) => Math.ceil(seconds * 1_000);

/** Expiring state in Redis, shared by all processes that connect to it. */
export async function redisEphemeral({ url, log }: RedisEphemeralOptions): Promise<RedisEphemeral> {
  const scripts = { atriumConsume: { lua: consume, numberOfKeys: 1 } };
  const redis = connectRedis({ url, name: "atrium ephemeral", log, options: { scripts } }) as Scripted;

  return {
    async get<Value>(key: string) {
      checkKey(key);
      await whenReady(redis);
      return valueOf<Value>(await redis.get(valueAt(key)));
    },

    async set(key, value, ttlSeconds) {
      const text = checkedText(key, value, ttlSeconds);
      await whenReady(redis);
      await redis.set(valueAt(key), text, "PX", milliseconds(ttlSeconds));
    },

    async take<Value>(key: string) {
      checkKey(key);
      await whenReady(redis);
      return valueOf<Value>(await redis.getdel(valueAt(key)));
    },

    async delete(key) {
      checkKey(key);
      await whenReady(redis);
      await redis.del(valueAt(key));
    },

    async consume(limit, key) {
      checkKey(key);
      checkLimit(limit);
      const { name, points, windowSeconds, delay } = limit;
      await whenReady(redis);
      const waitMs = await redis.atriumConsume(
        limitAt(name, key),
        points,
        milliseconds(windowSeconds),
        delay ? milliseconds(delay.firstSeconds) : "",
        delay ? delay.factor : "",
        delay ? milliseconds(delay.secondsMax) : "",
      );
      const retryAfterSeconds = Math.ceil(waitMs / 1_000);
      return { allowed: retryAfterSeconds === 0, retryAfterSeconds };
    },

    async ready() {
      await whenReady(redis);
      await redis.ping();
    },

    async close() {
      await redis.quit().catch(() => {});
      redis.disconnect();
    },
  };
}

const valueOf = <Value>(text: string | null): Value | null => (text === null ? null : (JSON.parse(text) as Value));
