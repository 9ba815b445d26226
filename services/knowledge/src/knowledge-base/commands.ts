import { PublicError } from "@atrium/errors";
import { appendEvent, knowledgeBaseCreated, knowledgeBaseDeleted, knowledgeBaseUpdated } from "@atrium/events";
import { newId } from "@atrium/ids";
import { enqueue } from "@atrium/jobs";
import type { Context, Tx } from "../context";
import { announceEnd } from "../document/progress";
import type { KnowledgeBase, Splitting } from "./knowledge-base";
import { requireEraser, requireWriter } from "./policy";
import {
  insertKnowledgeBase,
  lockKnowledgeBase,
  lockKnowledgeBases,
  markDeleted,
  nextRevision,
  saveKnowledgeBase,
} from "./store";

/** Makes an empty knowledge base in the actor's workspace. */
export async function createKnowledgeBase(
  { actor, db, now }: Context,
  { name, description, splitting }: { name: string; description: string; splitting: Splitting },
): Promise<KnowledgeBase> {
  const { organizationId, workspaceId, userId } = requireWriter(actor);
  const at = now();
  const base: KnowledgeBase = {
    id: newId("kb"),
    organizationId,
    workspaceId,
    name,
    description,
    splitting,
    revision: 0,
    createdById: userId,
    createdAt: at,
    updatedAt: at,
  };
  return db.transaction(async (tx) => {
    await insertKnowledgeBase(tx, base);
    await appendEvent(tx, knowledgeBaseCreated({ knowledgeBaseId: base.id }));
    return base;
  });
}

/** Changes a base's name, description or splitting; the last counts for documents that are ingested from now on. */
export async function updateKnowledgeBase(
  { actor, db, now }: Context,
  {
    knowledgeBaseId,
    ...fields
  }: { knowledgeBaseId: string; name?: string; description?: string; splitting?: Splitting },
): Promise<KnowledgeBase> {
  const { workspaceId } = requireWriter(actor);
  return db.transaction(async (tx) => {
    const base = await requireKnowledgeBase(tx, workspaceId, knowledgeBaseId);
    const updated = { ...base, ...fields, updatedAt: now() };
    await saveKnowledgeBase(tx, updated);
    await appendEvent(tx, knowledgeBaseUpdated({ knowledgeBaseId, changedFields: Object.keys(fields) }));
    return updated;
  });
}

/** Deletes a base: nobody finds it from now on, and a job erases its documents, passages and files. */
export async function deleteKnowledgeBase(
  ctx: Context,
  { knowledgeBaseId }: { knowledgeBaseId: string },
): Promise<string> {
  const { actor, db } = ctx;
  const { workspaceId } = requireEraser(actor);
  return db.transaction(async (tx) => {
    await requireKnowledgeBase(tx, workspaceId, knowledgeBaseId);
    await endKnowledgeBase(ctx, tx, workspaceId, knowledgeBaseId);
    return knowledgeBaseId;
  });
}

/** A workspace is gone: its bases go as if each had been deleted. `db` is bound to the workspace. */
export async function forgetKnowledgeBases(ctx: Pick<Context, "db" | "topics" | "indexes" | "now">): Promise<void> {
  const { db } = ctx;
  const { workspaceId } = db.tenant;
  if (!workspaceId) throw new Error("A workspace is forgotten in its own name.");
  await db.transaction(async (tx) => {
    for (const { id } of await lockKnowledgeBases(tx, workspaceId)) await endKnowledgeBase(ctx, tx, workspaceId, id);
  });
}

async function endKnowledgeBase(
  ctx: Pick<Context, "topics" | "indexes" | "now">,
  tx: Tx,
  workspaceId: string,
  knowledgeBaseId: string,
): Promise<void> {
  await markDeleted(tx, workspaceId, knowledgeBaseId, ctx.now());
  await appendEvent(tx, knowledgeBaseDeleted({ knowledgeBaseId }));
  await enqueue(tx, "eraseKnowledgeBase", { knowledgeBaseId }, { key: `erase:${knowledgeBaseId}` });
  announceEnd(ctx, tx, knowledgeBaseId);
  tx.afterCommit(() => ctx.indexes.forget(knowledgeBaseId));
}

/** Locks a base of the workspace; `NOT_FOUND` where there is none. */
export async function requireKnowledgeBase(tx: Tx, workspaceId: string, id: string): Promise<KnowledgeBase> {
  const base = await lockKnowledgeBase(tx, workspaceId, id);
  if (!base) throw new PublicError("NOT_FOUND", `No knowledge base ${id} in this workspace.`);
  return base;
}

/** Numbers a change of what can be found in a base; null when the base is gone. */
export const reviseKnowledgeBase = (tx: Tx, workspaceId: string, id: string): Promise<number | null> =>
  nextRevision(tx, workspaceId, id);
