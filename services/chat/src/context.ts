import type { Actor } from "@atrium/access";
import type { Database, Handle } from "@atrium/database";
import type { EphemeralStore } from "@atrium/ephemeral";
import type { RequestFacts } from "@atrium/subgraph";
import type { Topics } from "@atrium/topics";
import type { Knowledge } from "./clients/knowledge";
import type { PrismaClient } from "./generated/prisma/client";
import type { Loaders } from "./loaders";
import type { ChatSettings } from "./settings";

export type Tx = Handle<PrismaClient>;

/** A question that was accepted, and in whose name it is answered. */
export interface AcceptedQuestion {
  messageId: string;
  conversationId: string;
  tenant: Tx["tenant"];
}

/** What use cases receive. */
export interface Context {
  actor: Actor;
  /** Bound to where the actor stands; a guest stands nowhere, and sees what guests see. */
  db: Tx;
  /** For a guest, who acts in a bot's workspace once it is known that it may. */
  database: Database<PrismaClient>;
  knowledge: Knowledge;
  topics: Topics;
  ephemeral: EphemeralStore;
  settings: ChatSettings;
  /** Begins with an answer now, in this process. A job answers later should that fail. */
  answerSoon(question: AcceptedQuestion): void;
  now(): Date;
}

/** A request's context also holds the request's loaders, and the signal that nobody waits any more. */
export interface RequestContext extends Context {
  loaders: Loaders;
  signal: RequestFacts["signal"];
}
