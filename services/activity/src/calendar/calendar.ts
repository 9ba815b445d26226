// The days and hours of a time zone, as instants. Zones are those of the runtime (IANA); they begin their days at whole
// quarters of an hour of UTC, and their days have 23, 24, 25 or, at Lord Howe Island, 24½ hours.

export type Bucket = "MINUTE" | "HOUR" | "DAY";

export interface Range {
  from: Date;
  /** The first instant that doesn't belong to it. */
  to: Date;
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

export const quarterMs = 15 * minuteMs;

// One for each zone by its own name, of which there are some hundreds.
const formats = new Map<string, Intl.DateTimeFormat>();

/** The zone's own name in the runtime; null when there is no such zone. */
export function timeZone(name: string): string | null {
  if (formats.has(name)) return name;
  if (!/^[A-Za-z][A-Za-z0-9_+\-/]{0,63}$/.test(name)) return null;
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    return null;
  }
}

/** How far the zone's clocks are ahead of UTC at that instant. */
function offsetMs(at: number, zone: string): number {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    formats.set(zone, format);
  }
  const parts: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(at)) parts[type] = Number(value);
  const { year, month, day, hour, minute, second } = parts as Record<string, number>;
  const wholeSecond = Math.floor(at / 1_000) * 1_000;
  return Date.UTC(year!, month! - 1, day, hour, minute, second) - wholeSecond;
}

/** The instant's day in the zone, as the number of days since 1970. */
const dayNumber = (at: number, zone: string): number => Math.floor((at + offsetMs(at, zone)) / dayMs);

/**
 * The first instant of that day. Where clocks skip midnight, the day begins when they do; where they go back over it,
 * at the last time that they show it.
 */
function beginningOf(day: number, zone: string): number {
  const midnight = day * dayMs;
  const offsets = [offsetMs(midnight - dayMs, zone), offsetMs(midnight + dayMs, zone)];
  const candidates = offsets.map((offset) => midnight - offset).sort((a, b) => a - b);
  return candidates.find((at) => dayNumber(at, zone) === day && dayNumber(at - 1, zone) < day) ?? candidates[1]!;
}

function startOf(bucket: Bucket, at: number, zone: string): number {
  if (bucket === "DAY") return beginningOf(dayNumber(at, zone), zone);
  if (bucket === "MINUTE") return Math.floor(at / minuteMs) * minuteMs;
  const offset = offsetMs(at, zone);
  return Math.floor((at + offset) / hourMs) * hourMs - offset;
}

function startOfNext(bucket: Bucket, start: number, zone: string): number {
  if (bucket === "DAY") return beginningOf(dayNumber(start, zone) + 1, zone);
  if (bucket === "MINUTE") return start + minuteMs;
  const next = startOf("HOUR", start + hourMs, zone);
  return next > start ? next : start + hourMs;
}

/** The start of the day in the zone that `at` belongs to, or of one so many days away. */
export const startOfDay = (at: Date, zone: string, daysAway = 0): Date =>
  new Date(beginningOf(dayNumber(at.getTime(), zone) + daysAway, zone));

/**
 * Where the buckets begin that the range touches, and at last where the one behind them would. Null when there are more
 * than `bucketsMax`.
 */
export function bucketsOf({ from, to }: Range, bucket: Bucket, zone: string, bucketsMax: number): Date[] | null {
  const starts: Date[] = [];
  for (let at = startOf(bucket, from.getTime(), zone); ; at = startOfNext(bucket, at, zone)) {
    starts.push(new Date(at));
    if (at >= to.getTime()) return starts;
    if (starts.length > bucketsMax) return null;
  }
}

/** Whether each of these instants begins a day of UTC. */
export const areUtcDays = (starts: readonly Date[]): boolean => starts.every((at) => at.getTime() % dayMs === 0);

export const floorTo = (at: Date, ms: number): Date => new Date(Math.floor(at.getTime() / ms) * ms);
export const daysBefore = (at: Date, days: number): Date => new Date(at.getTime() - days * dayMs);
export { hourMs, minuteMs };
