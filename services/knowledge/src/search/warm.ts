import type { Services, Tx } from "../context";

/** For whom something is kept. */
type KeptFor = { organizationId: string; workspaceId: string; knowledgeBaseId: string };

const basesMax = 20;

/**
 * Reads in the background, after a start, the indexes that were kept last, so that the first search in them needn't wait.
 * Stops when they take `bytesMax`.
 */
export function warmIndexes(
  { database, indexes, log }: Pick<Services, "database" | "indexes" | "log">,
  newest: (service: Tx, limit: number) => Promise<KeptFor[]>,
  { bytesMax }: { bytesMax: number },
): { done: Promise<void>; stop(): Promise<void> } {
  let stopped = false;
  const warm = async () => {
    for (const { knowledgeBaseId: id, ...tenant } of await newest(database.asService(), basesMax)) {
      if (stopped || indexes.stats().bytes > bytesMax) return;
      await indexes
        .upTo(database.as(tenant), { id, workspaceId: tenant.workspaceId, revision: 0 })
        .catch(
          (error: unknown) => stopped || log.warn({ err: error, knowledgeBaseId: id }, "An index wasn't read ahead."),
        );
    }
  };
  const done = warm().catch((error: unknown) => log.warn({ err: error }, "No index was read ahead."));
  return {
    done,
    async stop() {
      stopped = true;
      await done;
    },
  };
}
