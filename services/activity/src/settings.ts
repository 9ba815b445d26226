import { z } from "zod";

const count = (min: number, max: number) => z.coerce.number().int().min(min).max(max);

/** What an operator may set. `.env.example` is written from it. */
export const settingsSchema = z.object({
  ACTIVITY_DATABASE_CONNECTIONS: count(2, 200)
    .default(10)
    .describe("How many connections to its database this process opens."),
  ACTIVITY_MINUTES_KEPT_DAYS: count(1, 30).default(2).describe("For so many days numbers are kept by the minute."),
  ACTIVITY_HOURS_KEPT_DAYS: count(32, 400)
    .default(100)
    .describe("For so many days numbers are kept by the hour, and days can be cut in every time zone."),
  ACTIVITY_DAYS_KEPT_DAYS: count(400, 4_000)
    .default(1_100)
    .describe("For so many days numbers are kept by the UTC day."),
  ACTIVITY_LINES_KEPT_DAYS: count(30, 4_000).default(400).describe("For so many days the lines of timelines are kept."),
  ACTIVITY_DETAIL_KEPT_DAYS: count(1, 400)
    .default(90)
    .describe("For so many days the interactions of people who agreed to analytics are kept in detail."),
  ACTIVITY_REPETITIONS_KEPT_DAYS: count(15, 400)
    .default(20)
    .describe(
      "For so many days a repeated event is recognized; an older one isn't counted. Longer than events can be replayed.",
    ),
  ACTIVITY_BATCHES_PER_MINUTE: count(1, 100_000)
    .default(60)
    .describe("How many batches of interactions one person may send within a minute."),
  ACTIVITY_DASHBOARDS_PER_ORGANIZATION: count(1, 10_000)
    .default(100)
    .describe("How many different dashboards of one organization a process keeps up to date at the same time."),
  ACTIVITY_HEARTBEAT_SECONDS: count(1, 300)
    .default(15)
    .describe("After so many seconds without a change a dashboard's subscribers hear that it is still so."),
});

export type ActivitySettings = z.output<typeof settingsSchema>;
