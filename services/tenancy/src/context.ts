import type { Actor } from "@atrium/access";
import type { Database, Handle } from "@atrium/database";
import type { PrismaClient } from "./generated/prisma/client";
import type { Loaders } from "./loaders";

export type Tx = Handle<PrismaClient>;

/** What use cases receive. */
export interface Context {
  actor: Actor;
  /** Bound to where the actor stands. */
  db: Tx;
  /** For the few acts that reach another place of the same person, or none yet. */
  database: Database<PrismaClient>;
  now(): Date;
  /** The users behind e-mail addresses, null where there is none. */
  usersByEmail(emails: readonly string[]): Promise<(string | null)[]>;
}

/** A request's context also holds the request's loaders. */
export interface RequestContext extends Context {
  loaders: Loaders;
}
