import { badInput } from "@atrium/schema-kit";
import { areUtcDays, bucketsOf, daysBefore, type Bucket, type Range } from "../calendar/calendar";
import type { Context } from "../context";
import { factsOf, type Dimension, type Grain, type Metric } from "./metric";
import { handleAt, requirePlace, type Place } from "./place";
import { sumByBucket } from "./store";

export interface MetricsQuery {
  place: Partial<Record<keyof Place, string | null>>;
  names: readonly Metric[];
  dimensions: readonly Dimension[];
  range: Range;
  bucket: Bucket;
  zone: string;
}

/** One metric, or one part of it where it is split. */
export interface Series {
  name: Metric;
  /** What of each dimension that was asked for. */
  parts: { dimension: Dimension; value: string }[];
  points: { at: Date; value: number }[];
}

export const bucketsMax = 1_500;
const seriesMax = 500;

/** What was counted, by bucket; buckets in which nothing was are 0. */
export async function metrics(ctx: Context, query: MetricsQuery): Promise<Series[]> {
  const { names, dimensions, range, bucket, zone } = query;
  const place = requirePlace(ctx.actor, query.place);
  for (const name of names)
    for (const dimension of dimensions)
      if (!Object.values(factsOf(name)).includes(dimension))
        throw badInput("dimensions", `${name} isn't split by ${dimension}.`);
  if (range.to <= range.from) throw badInput("to", "to must be later than from.");
  const starts = bucketsOf(range, bucket, zone, bucketsMax);
  if (!starts) throw badInput("bucket", `These would be more than ${bucketsMax} buckets; take bigger ones.`);
  const grain = grainFor(ctx, bucket, starts);
  const db = handleAt(ctx.database, place);
  const sums = await sumByBucket(db, { ...place, grain, metrics: names, dimensions, starts });

  const series = new Map<string, Series>();
  const seriesOf = (name: Metric, objectId: string, label: string) => {
    const key = `${name} ${objectId} ${label}`;
    const known = series.get(key);
    if (known) return known;
    if (series.size === seriesMax) throw badInput("dimensions", `These would be more than ${seriesMax} series.`);
    const { object, label: labelled } = factsOf(name);
    const parts = [
      { dimension: object, value: objectId },
      { dimension: labelled, value: label },
    ].filter((part): part is Series["parts"][0] => part.dimension !== undefined && dimensions.includes(part.dimension));
    const points = starts.slice(0, -1).map((at) => ({ at, value: 0 }));
    const made = { name, parts, points };
    series.set(key, made);
    return made;
  };
  // What isn't split is there even when nothing was counted.
  if (dimensions.length === 0) for (const name of names) seriesOf(name, "", "");
  for (const { metric, objectId, label, bucket: nth, value } of sums)
    seriesOf(metric, objectId, label).points[nth]!.value = value;
  return [...series.values()];
}

/** The coarsest sums that make up these buckets exactly and reach back far enough. */
function grainFor({ settings, now }: Context, bucket: Bucket, starts: readonly Date[]): Grain {
  const isKept = (days: number) => starts[0]! >= daysBefore(now(), days);
  const {
    ACTIVITY_MINUTES_KEPT_DAYS: minutes,
    ACTIVITY_HOURS_KEPT_DAYS: hours,
    ACTIVITY_DAYS_KEPT_DAYS: days,
  } = settings;
  if (bucket === "MINUTE") {
    if (isKept(minutes)) return "MINUTE";
    throw badInput("from", `Numbers by the minute reach ${minutes} days back.`);
  }
  if (bucket === "DAY" && areUtcDays(starts)) {
    if (isKept(days)) return "DAY";
    throw badInput("from", `Numbers reach ${days} days back.`);
  }
  if (isKept(hours)) return "QUARTER";
  throw badInput("from", `Numbers by the hour, and days in a time zone other than UTC, reach ${hours} days back.`);
}
