/** Where a sentence of an answer comes from. */
export interface MessageCitation {
  documentId: string;
  documentTitle: string;
  passageId: string;
  page: number | null;
  headingPath: string[];
  /** A range of characters in the document's text, and what stands there. */
  start: number;
  end: number;
  quote: string;
}

export interface MessageSentence {
  text: string;
  citations: MessageCitation[];
}

export const RouteReason = {
  COMMAND: "The message is a command, or asks for something that the platform does.",
  ARITHMETIC: "The message is a calculation.",
  SMALL_TALK: "The message is a greeting, thanks or the like.",
  KNOWLEDGE: "The documents hold the answer.",
  NOT_IN_DOCUMENTS: "The documents don't hold the answer, so none is given.",
  NO_KNOWLEDGE_BASE: "The bot has no documents to answer from, so no answer is given.",
} as const;
export type RouteReason = keyof typeof RouteReason;

/** How an answer came about. */
export interface Route {
  /** 1: without a model. */
  tier: number;
  reason: RouteReason;
  /** From 0 to 1: how well the documents support the answer; null where none were asked. */
  evidence: number | null;
  costMicros: number;
  /** From the message's acceptance to the answer's end. */
  latencyMs: number;
}

export type Rating = "UP" | "DOWN";

interface Written {
  id: string;
  organizationId: string;
  workspaceId: string;
  conversationId: string;
  chatbotId: string;
  participantId: string;
  position: number;
  text: string;
  createdAt: Date;
}

export const AnswerState = {
  PENDING: "The answer is on its way.",
  ANSWERED: "The answer is there.",
  FAILED: "No answer could be given; sending the message again, with a new key, may help.",
} as const;

/** What a participant wrote. */
export interface Question extends Written {
  author: "PARTICIPANT";
  idempotencyKey: string;
  answerState: keyof typeof AnswerState;
}

/** What the bot answered. */
export interface Reply extends Written {
  author: "CHATBOT";
  inReplyToId: string;
  sentences: MessageSentence[];
  route: Route;
  rating: Rating | null;
  ratingComment: string | null;
  ratedAt: Date | null;
}

export type Message = Question | Reply;

/** Whether the answer says that it can't answer. */
export const isRefusal = ({ reason }: Pick<Route, "reason">): boolean =>
  reason === "NOT_IN_DOCUMENTS" || reason === "NO_KNOWLEDGE_BASE";

/** In words for people, with the installation's standing: which tiers there are. */
export function explain({ reason, evidence }: Route): string {
  const measured = evidence === null ? "" : ` (evidence ${evidence.toFixed(2)} of 1)`;
  return `${RouteReason[reason].replace(/\.$/, "")}${measured}. No model is configured: tier 1 answers everything.`;
}
