import type { JsonWebKey, KeyObject } from "node:crypto";
import type { Actor } from "@atrium/access";
import type { Database, Handle } from "@atrium/database";
import type { EphemeralStore } from "@atrium/ephemeral";
import type { RequestFacts } from "@atrium/subgraph";
import type { AskTenancy } from "./clients/tenancy";
import type { PrismaClient } from "./generated/prisma/client";
import type { Settings } from "./settings";
import { emailLoader, userLoader } from "./user/loaders";
import type { PasswordHasher } from "./user/password-hash";

export type Db = Handle<PrismaClient>;

/** What the service has, whoever asks. */
export interface Services {
  readonly database: Database<PrismaClient>;
  readonly ephemeral: EphemeralStore;
  readonly passwords: PasswordHasher;
  readonly signingKeys: SigningKeys;
  readonly tenancy: AskTenancy;
  readonly settings: Settings;
  /** Derived from the installation's secret, one for each purpose. */
  readonly keys: { readonly refreshTokens: Buffer; readonly accounts: Buffer };
  readonly now: () => Date;
  readonly log: Log;
}

/** What use cases receive: the service's means, and who asks. */
export interface Context extends Services, Omit<RequestFacts, "now" | "log"> {
  /** Bound to the actor. */
  readonly db: Db;
  readonly loaders: {
    readonly users: ReturnType<typeof userLoader>;
    readonly emails: ReturnType<typeof emailLoader>;
  };
}

/** Made anew for every operation. */
export const contextMaker =
  (services: Services) =>
  (facts: RequestFacts): Context => {
    const db = services.database.as(tenantOf(facts.actor));
    const loaders = { users: userLoader(db), emails: emailLoader(services.database.asService()) };
    return { ...facts, ...services, log: facts.log, db, loaders };
  };

const tenantOf = (actor: Actor) => (actor.kind === "ANONYMOUS" ? {} : actor);

/** The keys that access tokens are signed with, as they stand now. */
export interface SigningKeys {
  /** The key to sign with. */
  current(): Promise<{ id: string; privateKey: KeyObject }>;
  /** Every public key whose tokens still count, as JSON Web Keys with `kid`. */
  published(): Promise<PublicKey[]>;
}

export type PublicKey = JsonWebKey & { kid: string };

export interface Log {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}
