/** What a load generator is asked to do. */
export type Plan = QueryPlan | ChatPlan;

interface Common {
  /** Of the GraphQL endpoint. */
  url: string;
  /** Access tokens, one a caller. */
  tokens: string[];
  /** How long the callers go on; what they did during `warmUpMs` before isn't counted. */
  ms: number;
  warmUpMs: number;
  /** How often each caller asks; null: again as soon as the answer is there. */
  everyMs: number | null;
}

/** Callers send one operation again and again, with these variables in turn. */
export interface QueryPlan extends Common {
  kind: "query";
  query: string;
  variables: object[];
}

/** Callers say something to a bot and wait, on a WebSocket, until the whole answer has come. */
export interface ChatPlan extends Common {
  kind: "chat";
  chatbotId: string;
  texts: string[];
}

export interface Outcome {
  /** Of every operation that began after the warm-up. */
  latencies: number[];
  /** From the end of the warm-up until the last answer. */
  ms: number;
}
