import { z } from "zod";
import { defineEvent } from "../define";
import { personalDataErasedOf, personalDataExportedOf, sensitiveReadOf } from "../of-each-service";

// What identity announces. Nothing here names a person or an address: subscribers ask identity for what they may know.

/** A person has an account now. They are in no organization yet. Guests aren't registered. */
export const userRegistered = defineEvent("identity.user.registered.v1", {
  subject: "userId",
  data: {
    userId: z.string(),
    /** The kind of the first sign-in method: `EMAIL`, `EVM`, `SOLANA`, `COSMOS`; more may come. */
    method: z.string().default("EMAIL"),
  },
});

export const userSignedIn = defineEvent("identity.user.signed_in.v1", {
  subject: "userId",
  data: {
    userId: z.string(),
    sessionId: z.string(),
    /** `EMAIL`, `EVM`, `SOLANA`, `COSMOS` or `GUEST`; more may come. */
    method: z.string(),
    /** Where the session begins; null for who stands nowhere yet, as guests and the newly registered do. */
    organizationId: z.string().nullable().default(null),
    workspaceId: z.string().nullable().default(null),
  },
});

/** A sign-in failed. Its subject is what was tried, as a keyed hash, because there may be no such account. */
export const userSignInRefused = defineEvent("identity.user.sign_in_refused.v1", {
  subject: "accountKey",
  data: { accountKey: z.string(), userId: z.string().nullable(), method: z.string() },
});

export const userSignedOut = defineEvent("identity.user.signed_out.v1", {
  subject: "userId",
  data: { userId: z.string(), sessionId: z.string() },
});

/** The session can't be used any more. */
export const sessionRevoked = defineEvent("identity.session.revoked.v1", {
  subject: "sessionId",
  data: {
    sessionId: z.string(),
    userId: z.string(),
    /** `REVOKED` from the list, `PASSWORD_CHANGED`, `TOKEN_REUSED`; more may come. */
    cause: z.string().default("REVOKED"),
  },
});

/** A refresh token came a second time, so somebody has a copy: its session was revoked. */
export const refreshTokenReused = defineEvent("identity.refresh_token.reused.v1", {
  subject: "sessionId",
  data: { sessionId: z.string(), userId: z.string() },
});

export const passwordChanged = defineEvent("identity.password.changed.v1", {
  subject: "userId",
  data: { userId: z.string() },
});

export const apiKeyCreated = defineEvent("identity.api_key.created.v1", {
  subject: "apiKeyId",
  data: { apiKeyId: z.string(), userId: z.string() },
});

export const apiKeyRevoked = defineEvent("identity.api_key.revoked.v1", {
  subject: "apiKeyId",
  data: { apiKeyId: z.string(), userId: z.string() },
});

export const identitySensitiveRead = sensitiveReadOf("identity");
export const identityPersonalDataExported = personalDataExportedOf("identity");
export const identityPersonalDataErased = personalDataErasedOf("identity");
