import { PublicError } from "@atrium/errors";
import { appendEvent, privacySensitiveRead } from "@atrium/events";
import { unseal, unwrapKey } from "@atrium/personal-data";
import type { Context } from "../context";
import { archiveKey, type DataExport, type ExportPart } from "./data-export";
import { exportToken, readExportToken } from "./link";
import { requirePerson } from "./policy";
import { findExport, findWrappedKey, listParts } from "./store";

/** An export of the actor's own. */
export async function dataExport({ actor, db }: Context, id: string): Promise<DataExport> {
  requirePerson(actor);
  const found = await findExport(db, id);
  if (!found) throw new PublicError("NOT_FOUND", `You have no export ${id}.`);
  return found;
}

/** For an export that the actor was given to see. */
export const partsOf = ({ db }: Context, exportId: string): Promise<ExportPart[]> => listParts(db, exportId);

/** Where the file is fetched; null unless it can be. */
export function fileOf({ keys, publicUrl, now }: Context, { id, status, availableUntil }: DataExport) {
  if (status !== "READY" || !availableUntil || availableUntil <= now()) return null;
  return { url: `${publicUrl}/exports/${exportToken(keys, { id, availableUntil })}`, expiresAt: availableUntil };
}

/**
 * The file behind an address, for the one person that it is of. `read` decrypts it on the way; that it was read becomes
 * an entry in the audit trail.
 */
export async function findFile(ctx: Context, token: string) {
  const { database, keys, blobs, now } = ctx;
  const { userId } = requirePerson(ctx.actor);
  const claims = readExportToken(keys, token, now());
  const notFound = new PublicError("NOT_FOUND", "This address isn't valid, or not any more.");
  if (!claims) throw notFound;
  const { exportId } = claims;
  const own = database.as({ userId });
  const found = await findExport(own, exportId);
  const wrappedKey = found?.status === "READY" ? await findWrappedKey(own, exportId) : null;
  if (!found || !wrappedKey) throw notFound;
  const key = unwrapKey(wrappedKey, keys.secret, exportId);
  return {
    dataExport: found,
    async *read() {
      await appendEvent(own, privacySensitiveRead({ subjectId: exportId, kind: "DATA_EXPORT" }));
      yield* unseal(await blobs.read(archiveKey(exportId)), key, archiveKey(exportId));
    },
  };
}

/** The key that the parts of an export are sealed with, as it rests; null when nobody waits for them any more. */
export async function exportKey({ database }: Pick<Context, "database">, exportId: string): Promise<Buffer | null> {
  const service = database.asService();
  const found = await findExport(service, exportId);
  return found?.status === "COLLECTING" ? findWrappedKey(service, exportId) : null;
}
