import type { Tx } from "../context";
import { factsOf, type Dimension, type Grain, type Metric, type Sum } from "./metric";

/** Notes these events as counted. Returns which of them weren't yet, and aren't older than what can be told apart. */
export async function claimEvents(tx: Tx, ids: readonly string[], times: readonly string[]): Promise<Set<string>> {
  const rows = await tx.sql<{ id: string }>(
    `insert into counted_event (id, happened_at)
     select id, happened_at from unnest($1::uuid[], $2::timestamptz[]) as e (id, happened_at)
     where happened_at >= coalesce((select since from counted_since), '-infinity')
     on conflict (id) do nothing returning id`,
    [ids, times],
  );
  return new Set(rows.map(({ id }) => id));
}

/** Adds to the sums, all rows in one statement. */
export async function addSums(tx: Tx, sums: readonly Sum[]): Promise<void> {
  if (sums.length === 0) return;
  await tx.sql(
    `insert into counter (organization_id, workspace_id, grain, at, metric, object_id, label, value)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::bigint[])
     on conflict (organization_id, workspace_id, grain, at, metric, object_id, label)
       do update set value = counter.value + excluded.value`,
    [
      sums.map(({ organizationId }) => organizationId),
      sums.map(({ workspaceId }) => workspaceId),
      sums.map(({ grain }) => grain),
      sums.map(({ at }) => at),
      sums.map(({ metric }) => metric),
      sums.map(({ objectId }) => objectId),
      sums.map(({ label }) => label),
      sums.map(({ value }) => value),
    ],
  );
}

export interface SumQuery {
  organizationId: string;
  /** Null for the whole organization. */
  workspaceId: string | null;
  grain: Grain;
  metrics: readonly Metric[];
  dimensions: readonly Dimension[];
  /** Where the buckets begin, and where the last one ends. */
  starts: readonly Date[];
}

export interface BucketSum {
  metric: Metric;
  objectId: string;
  label: string;
  /** The place of its start among `starts`. */
  bucket: number;
  value: number;
}

/** The sums by bucket, in one statement; a bucket without a row is absent. */
export function sumByBucket(tx: Tx, query: SumQuery): Promise<BucketSum[]> {
  const { organizationId, workspaceId, grain, metrics, dimensions, starts } = query;
  const splitsBy = (which: "object" | "label") =>
    metrics.filter((metric) => dimensions.some((dimension) => factsOf(metric)[which] === dimension));
  return tx.sql<BucketSum>(
    `select metric, case when metric = any ($6::text[]) then object_id else '' end as "objectId",
            case when metric = any ($7::text[]) then label else '' end as label,
            width_bucket(at, $4::timestamptz[]) - 1 as bucket, sum(value)::bigint as value
     from counter
     where organization_id = $1 and grain = $2 and at >= ($4::timestamptz[])[1]
       and at < ($4::timestamptz[])[cardinality($4::timestamptz[])] and metric = any ($3::text[])
       and ${workspaceId === null ? "$5::text is null" : "workspace_id = $5"}
     group by 1, 2, 3, 4 order by 1, 2, 3, 4`,
    [organizationId, grain, metrics, starts, workspaceId, splitsBy("object"), splitsBy("label")],
  );
}

const batchSize = 5_000;

/** Deletes what is older than its grain is kept, in small steps. Returns how many rows went. */
export async function pruneSums(tx: Tx, grain: Grain, before: Date): Promise<number> {
  const old = `select ctid from counter where grain = $1 and at < $2 limit ${batchSize}`;
  let pruned = 0;
  for (let step = batchSize; step === batchSize; pruned += step)
    step = (await tx.sql(`delete from counter where ctid = any (array(${old})) returning 1`, [grain, before])).length;
  return pruned;
}

/** From now on nothing from before `before` is counted: whether it was can't be told once its id is forgotten. */
export async function forgetCountedEvents(tx: Tx, before: Date): Promise<void> {
  await tx.sql(
    `insert into counted_since (id, since) values (1, $1)
     on conflict (id) do update set since = greatest(counted_since.since, excluded.since)`,
    [before],
  );
  const old = `select ctid from counted_event where happened_at < $1 limit ${batchSize}`;
  for (let step = batchSize; step === batchSize;)
    step = (await tx.sql(`delete from counted_event where ctid = any (array(${old})) returning 1`, [before])).length;
}

/** Deletes the sums of a workspace that is gone. */
export async function deleteSums(tx: Tx, organizationId: string, workspaceId: string): Promise<void> {
  await tx.sql("delete from counter where organization_id = $1 and workspace_id = $2", [organizationId, workspaceId]);
}
