/** What a number may be split by. */
export const Dimension = {
  CHATBOT: "Which bot, by its id.",
  KNOWLEDGE_BASE: "Which knowledge base, by its id.",
  CHANNEL: "Where a conversation takes place: `CONSOLE`, `WIDGET`, …",
  TIER: "The tier that answered, 1 to 3.",
  REASON: "Why a bot didn't answer, or a document couldn't be read.",
  METHOD: "How somebody signed in: `EMAIL`, …",
  MODEL: "Which model was used.",
  KIND: "What was done in the user interface: `VIEW`, `CREATE`, …",
} as const;
export type Dimension = keyof typeof Dimension;

interface MetricFacts {
  meaning: string;
  /** The dimension that `objectId` of a count holds, and the one that `label` holds. */
  object?: Dimension;
  label?: Dimension;
}

/** Everything that is counted. Sums of these are exact, over any time and any split. */
export const metrics = {
  CONVERSATIONS_STARTED: { meaning: "Conversations that began.", object: "CHATBOT", label: "CHANNEL" },
  CONVERSATIONS_CLOSED: { meaning: "Conversations that were ended.", object: "CHATBOT" },
  MESSAGES: { meaning: "Messages to bots.", object: "CHATBOT" },
  ANSWERS: { meaning: "Messages that a bot answered.", object: "CHATBOT", label: "TIER" },
  REFUSALS: { meaning: "Messages that a bot couldn't answer.", object: "CHATBOT", label: "REASON" },
  ANSWER_MS: { meaning: "Milliseconds that answers took, together.", object: "CHATBOT", label: "TIER" },
  COST_MICROS: { meaning: "Millionths of the unit of money that answers cost.", object: "CHATBOT", label: "TIER" },
  INPUT_TOKENS: { meaning: "Tokens that models were given.", object: "CHATBOT", label: "MODEL" },
  OUTPUT_TOKENS: { meaning: "Tokens that models wrote.", object: "CHATBOT", label: "MODEL" },
  DOCUMENTS_ADDED: { meaning: "Documents that were added.", object: "KNOWLEDGE_BASE" },
  DOCUMENTS_INGESTED: { meaning: "Documents that became searchable.", object: "KNOWLEDGE_BASE" },
  DOCUMENTS_FAILED: { meaning: "Documents that couldn't be read.", object: "KNOWLEDGE_BASE", label: "REASON" },
  DOCUMENTS_DELETED: { meaning: "Documents that were deleted.", object: "KNOWLEDGE_BASE" },
  INGESTION_MS: { meaning: "Milliseconds that ingestions took, together.", object: "KNOWLEDGE_BASE" },
  STORED_BYTES: { meaning: "Bytes of documents that were added, less those deleted.", object: "KNOWLEDGE_BASE" },
  MEMBERS_JOINED: { meaning: "People who joined the organization." },
  MEMBERS_LEFT: { meaning: "People who left the organization." },
  WORKSPACE_MEMBERS_JOINED: { meaning: "People who got a place in a workspace." },
  WORKSPACE_MEMBERS_LEFT: { meaning: "People who lost their place in a workspace." },
  INVITATIONS_SENT: { meaning: "Invitations, sent again ones included." },
  INVITATIONS_ACCEPTED: { meaning: "Invitations that were accepted." },
  PROJECTS_CREATED: { meaning: "Projects that began." },
  SIGN_INS: { meaning: "Sign-ins of people who begin here.", label: "METHOD" },
  INTERACTIONS: { meaning: "What was done in the user interface, whoever did it.", label: "KIND" },
} as const satisfies Record<string, MetricFacts>;
export type Metric = keyof typeof metrics;

export const factsOf = (metric: Metric): MetricFacts => metrics[metric];

/** Something to be added to a metric's sums. */
export interface Count {
  organizationId: string;
  /** Empty for what happens in no workspace. */
  workspaceId: string;
  at: Date;
  metric: Metric;
  objectId: string;
  label: string;
  value: number;
}

/**
 * How finely sums are kept. Hours and days of every time zone are made of quarters of an hour, because that is where
 * zones begin theirs; UTC days reach further back.
 */
export const grains = ["MINUTE", "QUARTER", "DAY", "TOTAL"] as const;
export type Grain = (typeof grains)[number];

const grainMs: Record<Grain, number> = { MINUTE: 60_000, QUARTER: 900_000, DAY: 86_400_000, TOTAL: Infinity };

/** The beginning of the grain that the instant belongs to; of all time, 1970. */
export const grainOf = (grain: Grain, at: Date): Date =>
  new Date(grain === "TOTAL" ? 0 : Math.floor(at.getTime() / grainMs[grain]) * grainMs[grain]);

/** A row of the sums, to be added to what is there. */
export interface Sum extends Count {
  grain: Grain;
}

/** What these counts add up to, in every grain: one for each row that they change, in the order of its key. */
export function sumsOf(counts: readonly Count[]): Sum[] {
  const sums = new Map<string, Sum>();
  for (const count of counts)
    for (const grain of grains) {
      const at = grainOf(grain, count.at);
      const { organizationId, workspaceId, metric, objectId, label } = count;
      // Ids and labels hold no control characters.
      const key = [organizationId, workspaceId, grain, at.toISOString(), metric, objectId, label].join("\n");
      const sum = sums.get(key);
      if (sum) sum.value += count.value;
      else sums.set(key, { ...count, grain, at });
    }
  // Two transactions that change the same rows do so in the same order.
  return [...sums].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, sum]) => sum);
}
