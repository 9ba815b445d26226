import type { Range } from "../calendar/calendar";
import type { Tx } from "../context";
import type { Figures } from "./dashboard";

type Row = { of: "period" | "total" | "active" | "rating"; name: string; value: number };

/** All figures of a dashboard, of one moment and by one statement. */
export async function readFigures(
  db: Tx,
  { organizationId, workspaceId }: { organizationId: string; workspaceId: string | null },
  { from, to }: Range,
): Promise<Figures> {
  // Two texts rather than one that asks: each has its own way through the index.
  const inPlace = workspaceId === null ? "$2::text is null" : "workspace_id = $2";
  const rows = await db.sql<Row>(
    `select 'period' as of, metric as name, sum(value)::bigint as value from counter
     where organization_id = $1 and ${inPlace} and grain = 'QUARTER' and at >= $3 and at < $4 group by metric
     union all
     select 'total', metric, sum(value)::bigint from counter
     where organization_id = $1 and ${inPlace} and grain = 'TOTAL' and at = 'epoch' group by metric
     union all
     select 'active', '', count(distinct user_id) from presence
     where organization_id = $1 and ${inPlace} and at >= $3 and at < $4
     union all
     select 'rating', rating, count(*) from rated_message
     where organization_id = $1 and ${inPlace} and rated_at >= $3 and rated_at < $4 group by rating`,
    [organizationId, workspaceId, from, to],
  );
  const named = (of: Row["of"]) =>
    Object.fromEntries(rows.filter((row) => row.of === of).map(({ name, value }) => [name, value]));
  return {
    period: named("period"),
    total: named("total"),
    activeUsers: named("active")[""] ?? 0,
    ratings: named("rating"),
  };
}
