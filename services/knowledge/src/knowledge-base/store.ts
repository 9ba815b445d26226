import type { Tx } from "../context";
import type { KnowledgeBase as Row } from "../generated/prisma/client";
import type { KnowledgeBase, Splitting } from "./knowledge-base";

const toKnowledgeBase = ({
  splitMethod,
  sizeTokens,
  overlapTokens,
  revision,
  ...row
}: Omit<Row, "deletedAt" | "revision"> & { revision: bigint | number }): KnowledgeBase => ({
  ...row,
  splitting: { method: splitMethod as Splitting["method"], sizeTokens, overlapTokens },
  revision: Number(revision),
});

export const insertKnowledgeBase = (tx: Tx, { splitting, revision: _, ...base }: KnowledgeBase) =>
  tx.knowledgeBase.create({
    data: {
      ...base,
      splitMethod: splitting.method,
      sizeTokens: splitting.sizeTokens,
      overlapTokens: splitting.overlapTokens,
    },
  });

// Every search and every answer begins with this one: in SQL it costs a third of what it does through Prisma.
export const findKnowledgeBases = async (
  tx: Tx,
  workspaceId: string,
  ids: readonly string[],
): Promise<KnowledgeBase[]> =>
  (
    await tx.sql<Parameters<typeof toKnowledgeBase>[0]>(
      `select id, organization_id as "organizationId", workspace_id as "workspaceId", name, description,
              split_method as "splitMethod", size_tokens as "sizeTokens", overlap_tokens as "overlapTokens", revision,
              created_by_id as "createdById", created_at as "createdAt", updated_at as "updatedAt"
         from knowledge_base where workspace_id = $1 and id = any ($2::text[]) and deleted_at is null`,
      [workspaceId, ids],
    )
  ).map(toKnowledgeBase);

/** A workspace's knowledge bases, newest first. */
export const listKnowledgeBases = async (
  tx: Tx,
  workspaceId: string,
  { limit, after }: { limit: number; after: string | null },
): Promise<KnowledgeBase[]> =>
  (
    await tx.knowledgeBase.findMany({
      where: { workspaceId, deletedAt: null, ...(after && { id: { lt: after } }) },
      omit: { deletedAt: true },
      orderBy: { id: "desc" },
      take: limit,
    })
  ).map(toKnowledgeBase);

/** Locks the base until `tx` ends. Null outside this workspace. */
export async function lockKnowledgeBase(tx: Tx, workspaceId: string, id: string): Promise<KnowledgeBase | null> {
  const locked = await tx.sql(
    "select id from knowledge_base where workspace_id = $1 and id = $2 and deleted_at is null for update",
    [workspaceId, id],
  );
  return locked.length > 0 ? ((await findKnowledgeBases(tx, workspaceId, [id]))[0] ?? null) : null;
}

/** Locks all bases of the workspace, in one order. */
export const lockKnowledgeBases = (tx: Tx, workspaceId: string): Promise<{ id: string }[]> =>
  tx.sql("select id from knowledge_base where workspace_id = $1 and deleted_at is null order by id for update", [
    workspaceId,
  ]);

export const saveKnowledgeBase = (
  tx: Tx,
  { workspaceId, id, name, description, splitting, updatedAt }: KnowledgeBase,
) =>
  tx.knowledgeBase.updateMany({
    where: { workspaceId, id },
    data: {
      name,
      description,
      splitMethod: splitting.method,
      sizeTokens: splitting.sizeTokens,
      overlapTokens: splitting.overlapTokens,
      updatedAt,
    },
  });

/** From now on nobody finds the base; its documents are erased by a job. */
export const markDeleted = (tx: Tx, workspaceId: string, id: string, now: Date) =>
  tx.knowledgeBase.updateMany({ where: { workspaceId, id }, data: { deletedAt: now } });

/** Removes the base for good, once its documents are gone. */
export const deleteMarked = (tx: Tx, workspaceId: string, id: string) =>
  tx.knowledgeBase.deleteMany({ where: { workspaceId, id, deletedAt: { not: null } } });

/**
 * The number of the next change of what can be found in a base. Locks its row, so that changes commit in the order of
 * their numbers. Null when the base is gone.
 */
export async function nextRevision(tx: Tx, workspaceId: string, id: string): Promise<number | null> {
  const [row] = await tx.sql<{ revision: number }>(
    `update knowledge_base set revision = revision + 1
      where workspace_id = $1 and id = $2 and deleted_at is null returning revision`,
    [workspaceId, id],
  );
  return row?.revision ?? null;
}
