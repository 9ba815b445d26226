import type { Context } from "../context";
import { handleAt, requirePlace, type Place } from "../metric/place";
import { dashboardOf, type DashboardPeriod, type DashboardScope, type Snapshot } from "./dashboard";
import { rangeOf } from "./period";
import { readFigures } from "./store";

export interface DashboardQuery {
  place: Partial<Record<keyof Place, string | null>>;
  period: DashboardPeriod;
  zone: string;
}

/** The dashboard that is asked for; throws where the actor may not see it. */
export const requireScope = (
  { actor }: Pick<Context, "actor">,
  { place, period, zone }: DashboardQuery,
): DashboardScope => ({
  ...requirePlace(actor, place),
  period,
  zone,
});

/** How things stand now. */
export const dashboard = (ctx: Context, query: DashboardQuery): Promise<Snapshot> =>
  snapshotOf(ctx, requireScope(ctx, query));

/** How things stand in a scope that somebody was permitted to see. */
export async function snapshotOf(
  { database, now }: Pick<Context, "database" | "now">,
  scope: DashboardScope,
): Promise<Snapshot> {
  const at = now();
  const range = rangeOf(scope.period, scope.zone, at);
  const figures = await readFigures(handleAt(database, scope), scope, range);
  return { dashboard: dashboardOf(figures, scope.workspaceId ? "WORKSPACE" : "ORGANIZATION"), ...range, at };
}
