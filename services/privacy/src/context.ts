import type { Actor } from "@atrium/access";
import type { BlobStore } from "@atrium/blobs";
import type { Database, Handle, Log } from "@atrium/database";
import type { EphemeralStore } from "@atrium/ephemeral";
import type { RequestFacts } from "@atrium/subgraph";
import type { Keys } from "./keys";
import type { CloseAccount, MailUser } from "./clients/identity";
import type { PrismaClient } from "./generated/prisma/client";
import type { PrivacySettings } from "./settings";

export type Tx = Handle<PrismaClient>;

/** What the service has, whoever asks. */
export interface Services {
  database: Database<PrismaClient>;
  blobs: BlobStore;
  ephemeral: EphemeralStore;
  settings: PrivacySettings;
  keys: Keys;
  mailUser: MailUser;
  closeAccount: CloseAccount;
  /** Which services hold something of people and are asked for it. */
  askedServices: readonly string[];
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
}

/** A request's context also holds what the caller's device says of itself. */
export interface RequestContext extends Context, Pick<RequestFacts, "clientAddress" | "userAgent" | "signal"> {}
