/** What was asked and answered within a time, at one tier. */
export interface TierUsage {
  tier: number;
  answerCount: number;
  /** Those of the answers that said that the documents don't. */
  refusalCount: number;
  costMicros: number;
  /** The middle one of the answers' latencies, and the one that 95 of 100 stay under. */
  latencyMsMedian: number;
  latencyMsP95: number;
}

export interface Usage {
  messageCount: number;
  conversationCount: number;
  tiers: TierUsage[];
}

export const periodDaysMax = 366;
