import { documentDeleted, documentFailed, documentIngested, documentUploaded, type Envelope } from "@atrium/events";
import type { Tx } from "../context";
import { deleteDocuments, deleteDocumentsOf, saveDocuments, type RecentDocument } from "./store";

const changes = new Map([documentUploaded, documentIngested, documentFailed].map((each) => [each.type, each]));

/** Keeps which documents there are and when something last happened to each. */
export async function keepDocuments(tx: Tx, envelopes: readonly Envelope[]): Promise<void> {
  const changed = new Map<string, RecentDocument>();
  const gone = new Map<string, { organizationId: string; id: string }>();
  for (const { id: eventId, type, organizationid, workspaceid, time, data } of envelopes) {
    if (!organizationid || !workspaceid) continue;
    const change = changes.get(type);
    if (change) {
      const { documentId, knowledgeBaseId } = change.read(data);
      // As the table decides, so that it doesn't matter how events are cut into batches.
      if ((changed.get(documentId)?.eventId ?? "") > eventId) continue;
      const place = { organizationId: organizationid, workspaceId: workspaceid };
      changed.set(documentId, { documentId, knowledgeBaseId, ...place, eventId, changedAt: new Date(time) });
    } else if (type === documentDeleted.type) {
      const { documentId } = documentDeleted.read(data);
      changed.delete(documentId);
      gone.set(documentId, { organizationId: organizationid, id: documentId });
    }
  }
  await saveDocuments(tx, [...changed.values()]);
  await deleteDocuments(tx, [...gone.values()]);
}

export const forgetDocuments = deleteDocumentsOf;
