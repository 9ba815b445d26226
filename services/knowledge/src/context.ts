import type { Actor } from "@atrium/access";
import type { BlobStore } from "@atrium/blobs";
import type { Database, Handle, Log } from "@atrium/database";
import type { Topics } from "@atrium/topics";
import type { PrismaClient } from "./generated/prisma/client";
import type { Loaders } from "./loaders";
import type { Indexes } from "./search/indexes";

export type Tx = Handle<PrismaClient>;

/** What the service has, whoever asks. */
export interface Services {
  database: Database<PrismaClient>;
  blobs: BlobStore;
  topics: Topics;
  indexes: Indexes;
  limits: { uploadBytesMax: number };
  /** Derived from the installation's secret: what links to files are signed with. */
  fileLinkKey: Buffer;
  /** Where clients reach the gateway. */
  publicUrl: string;
  now(): Date;
  log: Log;
}

/** What use cases receive. */
export interface Context extends Services {
  actor: Actor;
  /** Bound to where the actor stands. */
  db: Tx;
  signal: AbortSignal;
}

/** A request's context also holds the request's loaders. */
export interface RequestContext extends Context {
  loaders: Loaders;
}
