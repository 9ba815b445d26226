import { PublicError } from "@atrium/errors";
import type { Context, Tx } from "../context";
import type { KnowledgeBase, Splitting } from "./knowledge-base";
import { mayRead, requireReader } from "./policy";
import { findKnowledgeBases, listKnowledgeBases } from "./store";

/** The knowledge bases of the actor's workspace, newest first. */
export async function knowledgeBases(
  { actor, db }: Context,
  page: { limit: number; after: string | null },
): Promise<KnowledgeBase[]> {
  return listKnowledgeBases(db, requireReader(actor).workspaceId, page);
}

/** The bases in the order of their ids; `NOT_FOUND` names the first that isn't in the actor's workspace. */
export async function knowledgeBasesToRead({ actor, db }: Context, ids: readonly string[]): Promise<KnowledgeBase[]> {
  const { workspaceId } = requireReader(actor);
  const found = await findKnowledgeBases(db, workspaceId, ids);
  return ids.map((id) => {
    const base = found.find((each) => each.id === id);
    if (!base) throw new PublicError("NOT_FOUND", `No knowledge base ${id} in this workspace.`);
    return base;
  });
}

/** Those of the bases that the actor may read. */
export async function knowledgeBasesByIds({ actor, db }: Context, ids: readonly string[]): Promise<KnowledgeBase[]> {
  if (!mayRead(actor) || actor.kind === "ANONYMOUS" || !actor.workspaceId) return [];
  return findKnowledgeBases(db, actor.workspaceId, ids);
}

/** How a base cuts documents; null when it is gone. */
export async function splittingOf(tx: Tx, workspaceId: string, id: string): Promise<Splitting | null> {
  const [base] = await findKnowledgeBases(tx, workspaceId, [id]);
  return base?.splitting ?? null;
}

/** The revision of what can be found in a base; null when it is gone. */
export async function revisionOf(tx: Tx, workspaceId: string, id: string): Promise<number | null> {
  const [base] = await findKnowledgeBases(tx, workspaceId, [id]);
  return base?.revision ?? null;
}
