import {
  Arg,
  badInput,
  Ctx,
  DateTime,
  Enum,
  Field,
  Float,
  ID,
  ObjectType,
  Query,
  requireId,
  Resolver,
} from "@atrium/schema-kit";
import { timeZone } from "../calendar/calendar";
import type { RequestContext } from "../context";
import { Dimension, metrics as table, type Metric } from "./metric";
import { metrics, type Series } from "./queries";

const meanings = Object.fromEntries(Object.entries(table).map(([name, { meaning }]) => [name, meaning]));
const MetricName = Enum("MetricName", "What is counted. More may come.", meanings as Record<Metric, string>);
const MetricDimension = Enum("MetricDimension", "What a number may be split by.", Dimension);
const MetricBucket = Enum("MetricBucket", "How finely numbers are told.", {
  MINUTE: "By the minute: of the last days.",
  HOUR: "By the hour of the time zone: of the last months.",
  DAY: "By the day of the time zone: of the last months; in UTC, of the last years.",
});
type MetricBucket = keyof typeof MetricBucket;

@ObjectType("MetricPoint", { description: "A number, and when the time that it is of begins." })
class MetricPoint {
  @Field(() => DateTime, { description: "When the minute, hour or day begins." })
  at!: Date;

  @Field(() => Float, { description: "What was counted in it: a whole number." })
  value!: number;
}

@ObjectType("MetricPart", { description: "Which part of a number, where it is split." })
class MetricPart {
  @Field(() => MetricDimension, { description: "By what it is split." })
  dimension!: Dimension;

  @Field(() => String, { description: "Which part: an id or a word of the dimension; empty where none was told." })
  value!: string;
}

@ObjectType("Metric", { description: "A time series: one number over time, or one part of it." })
export class MetricSeries {
  @Field(() => MetricName, { description: "What is counted." })
  name!: Metric;

  @Field(() => [MetricPart], { description: "Which part of it; empty for the whole." })
  parts!: MetricPart[];

  @Field(() => [MetricPoint], { description: "All of the asked time without gaps, oldest first." })
  points!: MetricPoint[];
}

const namesMax = 25;
const dimensionsMax = 2;

/** The zone's own name; throws when there is none of this name. */
export function requireTimeZone(name: string): string {
  const zone = timeZone(name);
  if (!zone) throw badInput("timeZone", "timeZone is not the name of a time zone, like Europe/Berlin.");
  return zone;
}

/** At most one of the two. */
export function placeArguments(workspaceId: string | null, organizationId: string | null) {
  if (workspaceId && organizationId) throw badInput("organizationId", "Give workspaceId or organizationId, not both.");
  return {
    workspaceId: workspaceId ? requireId("wsp", workspaceId, "workspaceId") : null,
    organizationId: organizationId ? requireId("org", organizationId, "organizationId") : null,
  };
}

@Resolver(() => MetricSeries)
export class MetricResolver {
  @Query(() => [MetricSeries], {
    description: "What was counted over time in the caller's workspace, or with the right in their organization.",
  })
  metrics(
    @Arg("names", () => [MetricName], { description: `What; ${namesMax} at the most.` }) names: Metric[],
    @Arg("from", () => DateTime, { description: "The first bucket is the one that this belongs to." }) from: Date,
    @Arg("to", () => DateTime, { description: "The first instant that isn't asked for." }) to: Date,
    @Arg("bucket", () => MetricBucket, { description: "How finely." }) bucket: MetricBucket,
    @Arg("dimensions", () => [MetricDimension], {
      defaultValue: [],
      description: `What to split each number by; ${dimensionsMax} at the most.`,
    })
    dimensions: Dimension[],
    @Arg("timeZone", () => String, { defaultValue: "UTC", description: "Whose hours and days: `Europe/Berlin`." })
    zone: string,
    @Arg("workspaceId", () => ID, { nullable: true, description: "The caller's workspace; the same as neither." })
    workspaceId: string | null,
    @Arg("organizationId", () => ID, { nullable: true, description: "All of the caller's organization." })
    organizationId: string | null,
    @Ctx() ctx: RequestContext,
  ): Promise<Series[]> {
    if (names.length < 1 || names.length > namesMax) throw badInput("names", `names takes 1 to ${namesMax} entries.`);
    if (dimensions.length > dimensionsMax)
      throw badInput("dimensions", `dimensions takes at most ${dimensionsMax} entries.`);
    return metrics(ctx, {
      place: placeArguments(workspaceId, organizationId),
      names: [...new Set(names)],
      dimensions: [...new Set(dimensions)],
      range: { from, to },
      bucket,
      zone: requireTimeZone(zone),
    });
  }
}
