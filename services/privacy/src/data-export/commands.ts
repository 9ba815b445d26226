import { randomBytes } from "node:crypto";
import { ok, refuse, type Result } from "@atrium/errors";
import { appendEvent, exportRequested } from "@atrium/events";
import { newId } from "@atrium/ids";
import { enqueue } from "@atrium/jobs";
import { partsPrefix, wrapKey } from "@atrium/personal-data";
import type { Context, Tx } from "../context";
import { limitExports } from "../limits";
import {
  archivePrefix,
  overdue,
  type DataExport,
  type ExportedNoun,
  type ExportFormat,
  type RequestDataExportRefusal,
} from "./data-export";
import { requirePerson } from "./policy";
import {
  expire,
  insertExport,
  listParts,
  listWaiting,
  lockExport,
  saveAskedAgain,
  savePart,
  saveStatus,
} from "./store";

const keyBytes = 32;
const batch = 50;

/** Asks every service for what it holds of the actor. The files are sealed under a key of this export's own. */
export async function requestDataExport(
  ctx: Context,
  { categories, format }: { categories: string[]; format: ExportFormat },
): Promise<Result<DataExport, RequestDataExportRefusal>> {
  const { database, keys, now, askedServices: services } = ctx;
  const { userId } = requirePerson(ctx.actor);
  await limitExports(ctx, userId);
  const dataExport: DataExport = {
    id: newId("exp"),
    userId,
    format,
    categories,
    status: "COLLECTING",
    requestedAt: now(),
    completedAt: null,
    availableUntil: null,
    sizeBytes: null,
    sha256: null,
  };
  const { id: exportId } = dataExport;
  const wrappedKey = wrapKey(randomBytes(keyBytes), keys.secret, exportId);
  // It is of all organizations of theirs, so it stands in none.
  return database.as({ userId }).transaction(async (tx) => {
    if (!(await insertExport(tx, dataExport, { wrappedKey, services }))) return refuse("UNDER_WAY");
    await appendEvent(tx, exportRequested({ exportId, userId, categories, services: [...services], attempt: 1 }));
    return ok(dataExport);
  });
}

/** Takes a service's part. One that isn't waited for, because it came before or is too late, changes nothing. */
export async function receiveExportPart(
  { db, now }: Pick<Context, "db" | "now">,
  { exportId, userId, service, nouns }: { exportId: string; userId: string; service: string; nouns: ExportedNoun[] },
): Promise<void> {
  const foreign = nouns.find(({ blobKey }) => !blobKey.startsWith(`${partsPrefix(exportId, service)}/`));
  if (foreign) throw new Error(`${service} has no business with the file ${foreign.blobKey}.`);
  await db.transaction(async (tx) => {
    const dataExport = await lockExport(tx, exportId);
    if (dataExport?.status !== "COLLECTING" || dataExport.userId !== userId) return;
    if (!(await savePart(tx, exportId, { service, status: "ARRIVED", nouns, answeredAt: now() }))) return;
    await assembleWhenComplete(tx, dataExport);
  });
}

async function assembleWhenComplete(tx: Tx, { id: exportId }: DataExport): Promise<void> {
  if ((await listParts(tx, exportId)).some(({ status }) => status === "WAITING")) return;
  await saveStatus(tx, exportId, "ASSEMBLING");
  await enqueue(tx, "assembleExport", { exportId }, { key: `assemble:${exportId}` });
}

/** Asks again for parts that should have arrived, gives up those that were asked for too often, and ends old exports. */
export async function tendExports({
  database,
  now,
  settings,
  log,
}: Pick<Context, "database" | "now" | "settings" | "log">): Promise<void> {
  const service = database.asService();
  const askedBefore = new Date(now().getTime() - settings.PRIVACY_ANSWER_MINUTES * 60_000);
  for (const exportId of await listWaiting(service, askedBefore, batch))
    await service.transaction(async (tx) => {
      const dataExport = await lockExport(tx, exportId);
      if (dataExport?.status !== "COLLECTING") return;
      const parts = await listParts(tx, exportId);
      const late = parts.filter(({ status, askedAt }) => status === "WAITING" && askedAt < askedBefore);
      const { again, missing } = overdue(late, settings.PRIVACY_ANSWER_ATTEMPTS);
      for (const { service: name } of missing) {
        log.error({ exportId, service: name }, "A service didn't answer for a person's export.");
        await savePart(tx, exportId, { service: name, status: "MISSING", nouns: [], answeredAt: now() });
      }
      const services = again.map(({ service: name }) => name);
      if (services.length > 0) {
        const { userId, categories } = dataExport;
        const attempt = Math.max(...again.map((part) => part.attempt)) + 1;
        await saveAskedAgain(tx, exportId, services, now());
        await appendEvent(tx, exportRequested({ exportId, userId, categories, services, attempt }), { userId });
      }
      await assembleWhenComplete(tx, dataExport);
    });
  await service.transaction(async (tx) => {
    for (const exportId of await expire(tx, now(), batch)) await deleteFilesOf(tx, exportId);
  });
}

/** Has all files of an export deleted once `tx` has committed. */
export const deleteFilesOf = (tx: Tx, exportId: string) =>
  enqueue(tx, "deleteExportFiles", { prefixes: [archivePrefix(exportId)] });
