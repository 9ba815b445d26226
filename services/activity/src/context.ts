import type { Actor } from "@atrium/access";
import type { Database, Handle } from "@atrium/database";
import type { EphemeralStore } from "@atrium/ephemeral";
import type { RequestFacts } from "@atrium/subgraph";
import type { Topics } from "@atrium/topics";
import type { DashboardHub } from "./dashboard/hub";
import type { PrismaClient } from "./generated/prisma/client";
import type { ActivitySettings } from "./settings";

export type Tx = Handle<PrismaClient>;

/** What use cases receive. */
export interface Context {
  actor: Actor;
  /** Bound to where the actor stands. */
  db: Tx;
  /** For what is the whole organization's, once it is known that the actor may see it, and for what has no author. */
  database: Database<PrismaClient>;
  topics: Topics;
  ephemeral: EphemeralStore;
  settings: ActivitySettings;
  now(): Date;
}

/** What a request has besides: the dashboards that are watched, and the signal that nobody waits any more. */
export interface RequestContext extends Context {
  dashboards: DashboardHub;
  signal: RequestFacts["signal"];
}
