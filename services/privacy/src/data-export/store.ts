import type { Tx } from "../context";
import type { DataExport, ExportPart, PartStatus } from "./data-export";

const columns = `id, user_id as "userId", format, categories, status, requested_at as "requestedAt",
  completed_at as "completedAt", available_until as "availableUntil", size_bytes as "sizeBytes", sha256`;

/** Saves a request and the parts it waits for; false while the person's last one is under way. */
export async function insertExport(
  tx: Tx,
  dataExport: DataExport,
  { wrappedKey, services }: { wrappedKey: Buffer; services: readonly string[] },
): Promise<boolean> {
  const { id, userId, format, categories, status, requestedAt } = dataExport;
  const rows = await tx.sql(
    `insert into data_export (id, user_id, format, categories, status, wrapped_key, requested_at)
     values ($1, $2, $3, $4::text[], $5, decode($6, 'hex'), $7) on conflict do nothing returning id`,
    [id, userId, format, categories, status, wrappedKey.toString("hex"), requestedAt],
  );
  if (rows.length === 0) return false;
  await tx.sql(
    `insert into data_export_part (export_id, service, user_id, status, attempt, asked_at)
     select $1, service, $2, 'WAITING', 1, $3 from unnest($4::text[]) as asked (service)`,
    [id, userId, requestedAt, services],
  );
  return true;
}

export async function findExport(tx: Tx, id: string): Promise<DataExport | null> {
  const [found] = await tx.sql<DataExport>(`select ${columns} from data_export where id = $1`, [id]);
  return found ?? null;
}

export async function lockExport(tx: Tx, id: string): Promise<DataExport | null> {
  const [found] = await tx.sql<DataExport>(`select ${columns} from data_export where id = $1 for update`, [id]);
  return found ?? null;
}

/** Null once the files can't be opened any more. */
export async function findWrappedKey(tx: Tx, id: string): Promise<Buffer | null> {
  const [row] = await tx.sql<{ key: Buffer | null }>("select wrapped_key as key from data_export where id = $1", [id]);
  return row?.key ?? null;
}

export const listParts = (tx: Tx, exportId: string): Promise<ExportPart[]> =>
  tx.sql<ExportPart>(
    `select service, status, attempt, asked_at as "askedAt", nouns from data_export_part
      where export_id = $1 order by service`,
    [exportId],
  );

/** Records what became of a part that was waited for; false when it wasn't. */
export async function savePart(
  tx: Tx,
  exportId: string,
  {
    service,
    status,
    nouns,
    answeredAt,
  }: Pick<ExportPart, "service" | "nouns"> & { status: PartStatus; answeredAt: Date },
): Promise<boolean> {
  const rows = await tx.sql(
    `update data_export_part set status = $3, nouns = $4::jsonb, answered_at = $5
      where export_id = $1 and service = $2 and status = 'WAITING' returning service`,
    [exportId, service, status, JSON.stringify(nouns), answeredAt],
  );
  return rows.length === 1;
}

/** Gives up what can't be read, though it has arrived. */
export const markUnreadable = (tx: Tx, exportId: string, services: readonly string[]) =>
  tx.sql("update data_export_part set status = 'MISSING' where export_id = $1 and service = any ($2::text[])", [
    exportId,
    services,
  ]);

export const saveAskedAgain = (tx: Tx, exportId: string, services: readonly string[], askedAt: Date) =>
  tx.sql(
    `update data_export_part set attempt = attempt + 1, asked_at = $3
      where export_id = $1 and service = any ($2::text[]) and status = 'WAITING'`,
    [exportId, services, askedAt],
  );

export const saveStatus = (tx: Tx, id: string, status: DataExport["status"]) =>
  tx.sql("update data_export set status = $2 where id = $1", [id, status]);

export const saveReady = (tx: Tx, { id, completedAt, availableUntil, sizeBytes, sha256 }: DataExport) =>
  tx.sql(
    `update data_export set status = 'READY', completed_at = $2, available_until = $3, size_bytes = $4, sha256 = $5
      where id = $1`,
    [id, completedAt, availableUntil, sizeBytes, sha256],
  );

/** Ends an export that can't be finished, and throws away its key. */
export const saveFailed = (service: Tx, id: string) =>
  service.sql("update data_export set status = 'FAILED', wrapped_key = null where id = $1 and status = 'ASSEMBLING'", [
    id,
  ]);

/** Exports with parts that were asked for before `before` and haven't arrived. */
export async function listWaiting(service: Tx, before: Date, limit: number): Promise<string[]> {
  const rows = await service.sql<{ id: string }>(
    `select distinct export_id as id from data_export_part where status = 'WAITING' and asked_at < $1 limit $2`,
    [before, limit],
  );
  return rows.map(({ id }) => id);
}

/** Throws away the keys of exports whose time has passed; returns their ids. */
export async function expire(service: Tx, now: Date, limit: number): Promise<string[]> {
  const rows = await service.sql<{ id: string }>(
    `update data_export set status = 'EXPIRED', wrapped_key = null where id in (
       select id from data_export where status = 'READY' and available_until <= $1 limit $2 for update skip locked)
     returning id`,
    [now, limit],
  );
  return rows.map(({ id }) => id);
}

/** A person's exports, page by page: for their own export. */
export const pageOfExports = (
  tx: Tx,
  userId: string,
  { after, limit }: { after: string; limit: number },
): Promise<DataExport[]> =>
  tx.sql<DataExport>(`select ${columns} from data_export where user_id = $1 and id > $2 order by id limit $3`, [
    userId,
    after,
    limit,
  ]);

/** Deletes a person's exports; returns their ids. */
export async function deleteExportsOf(tx: Tx, userId: string): Promise<string[]> {
  const rows = await tx.sql<{ id: string }>("delete from data_export where user_id = $1 returning id", [userId]);
  return rows.map(({ id }) => id);
}
