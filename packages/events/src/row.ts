import { sourceOf, type Envelope } from "./envelope";

/** The columns that outbox, inbox and published events have in common. */
export interface EventRow {
  /** Text on the relay's own connection, a number from a handle. */
  position: string | number;
  id: string;
  type: string;
  subject: string;
  time: Date;
  organization_id: string | null;
  workspace_id: string | null;
  actor_id: string | null;
  traceparent: string | null;
  agent_id: string | null;
  sealed_origin: string | null;
  data: unknown;
  size_bytes: number;
}

export const eventColumns =
  "id, type, subject, time, organization_id, workspace_id, actor_id, traceparent, agent_id, sealed_origin, data, size_bytes";

/** The envelope of a row. Its tenant is the columns that row-level security has checked, not something in the data. */
export function toEnvelope(row: EventRow): Envelope {
  return {
    specversion: "1.0",
    id: row.id,
    source: sourceOf(row.type),
    type: row.type,
    subject: row.subject,
    time: row.time.toISOString(),
    datacontenttype: "application/json",
    ...(row.organization_id !== null && { organizationid: row.organization_id }),
    ...(row.workspace_id !== null && { workspaceid: row.workspace_id }),
    ...(row.actor_id !== null && { actorid: row.actor_id }),
    ...(row.agent_id !== null && { agentid: row.agent_id }),
    ...(row.sealed_origin !== null && { sealedorigin: row.sealed_origin }),
    ...(row.traceparent !== null && { traceparent: row.traceparent }),
    data: row.data,
  };
}

/**
 * A query for the first `limit` rows of `from`, cut where they exceed `bytesMax` together, so that a queue of big
 * events can't fill the memory. There is always at least one row.
 */
export const boundedByBytes = (columns: string, from: string, limit: number, bytesMax: number): string => `
  select ${columns} from (
    select *, sum(size_bytes) over (order by position) - size_bytes as bytes_before
    from (select * from ${from} order by position limit ${limit}) as window_rows
  ) as counted
  where bytes_before < ${bytesMax} order by position`;
