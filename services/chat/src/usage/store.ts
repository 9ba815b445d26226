import type { Tx } from "../context";
import type { TierUsage } from "./usage";

interface Period {
  from: Date;
  to: Date;
  chatbotId: string | null;
}

const within = `organization_id = $1 and workspace_id = $2 and created_at >= $3 and created_at < $4
  and ($5::text is null or chatbot_id = $5)`;
const valuesOf = ({ tenant }: Tx, { from, to, chatbotId }: Period) => [
  tenant.organizationId,
  tenant.workspaceId,
  from,
  to,
  chatbotId,
];

/** How many messages were accepted, in how many conversations. */
export async function countMessages(tx: Tx, period: Period) {
  const [row] = await tx.sql<{ messageCount: number; conversationCount: number }>(
    `select count(*)::int as "messageCount", count(distinct conversation_id)::int as "conversationCount"
       from message where ${within} and author = 'PARTICIPANT'`,
    valuesOf(tx, period),
  );
  return row!;
}

export const usageOfTiers = (tx: Tx, period: Period): Promise<TierUsage[]> =>
  tx.sql<TierUsage>(
    `select (route->>'tier')::int as tier, count(*)::int as "answerCount",
            count(*) filter (where route->>'reason' in ('NOT_IN_DOCUMENTS', 'NO_KNOWLEDGE_BASE'))::int as "refusalCount",
            sum((route->>'costMicros')::bigint)::float8 as "costMicros",
            percentile_cont(0.5) within group (order by (route->>'latencyMs')::float8) as "latencyMsMedian",
            percentile_cont(0.95) within group (order by (route->>'latencyMs')::float8) as "latencyMsP95"
       from message where ${within} and author = 'CHATBOT'
      group by 1 order by 1`,
    valuesOf(tx, period),
  );
