import type { Database, Handle, Tenant } from "@atrium/database";
import type { Company } from "./company";

/** A payload as `jobs.enqueue` writes it. A cron job's has the scope and the data alone. */
interface Envelope {
  organizationId?: string | null;
  workspaceId?: string | null;
  userId?: string | null;
  scope?: string | null;
  traceparent?: string | null;
  lane?: string | null;
  together?: string | null;
  togetherMax?: number | null;
  data: unknown;
}

/** What a job carries, and the database in the name of whoever enqueued it. */
export function readEnvelope<Client>(
  payload: unknown,
  database: Pick<Database<Client>, "as" | "asService">,
): { data: unknown; tenant: Tenant; db: Handle<Client>; traceparent: string | null } {
  if (typeof payload !== "object" || payload === null || !("data" in payload))
    throw new TypeError("This job wasn't enqueued by jobs.enqueue: its payload says for whom it runs.");
  const {
    organizationId = null,
    workspaceId = null,
    userId = null,
    scope,
    traceparent = null,
    data,
  } = payload as Envelope;
  const tenant = { organizationId, workspaceId, userId };
  return { data, tenant, traceparent, db: scope === "service" ? database.asService(tenant) : database.as(tenant) };
}

/** With which waiting jobs a job may be performed, and how many of them at the most; null where it is performed alone. */
export function companyOf(payload: unknown): Company | null {
  const { lane, together, togetherMax } = payload as Envelope;
  return lane && together && togetherMax ? { lane, together, othersMax: togetherMax - 1 } : null;
}
