import { z } from "zod";
import { openApiKeys } from "./api-key/commands";
import type { Services } from "./context";
import { mailUser } from "./mail/commands";
import { liveSessions } from "./session/queries";
import { closeAccount } from "./user/close-account";
import { emailsOf, userIdsByEmail } from "./user/queries";

const many = z.array(z.string().max(2_000)).max(10_000);
const sessionsQuestion = z.object({ sessionIds: many });
const apiKeysQuestion = z.object({ secrets: many });
const emailsQuestion = z.object({ emails: many });
const usersQuestion = z.object({ userIds: z.array(z.string().max(200)).max(100) });
const userQuestion = z.object({ userId: z.string().max(200) });
const mailQuestion = z.object({
  userId: z.string().max(200),
  subject: z.string().min(1).max(200),
  text: z.string().min(1).max(20_000),
});

/**
 * What the gateway and other services ask of identity beside its API. Batched; answers stand in the order of the
 * question. Always as things are now: nothing is remembered between questions.
 */
export const internalOperations = (services: Services) => ({
  /** Every public key whose tokens still count. */
  signingKeys: async () => ({ keys: await services.signingKeys.published() }),

  /** Which of these sessions live: not ended, not expired. */
  liveSessions: async (input: unknown) => {
    const { sessionIds } = sessionsQuestion.parse(input);
    return { liveSessionIds: await liveSessions(services, sessionIds) };
  },

  /** What each key opens, and with which permissions of its owner's; null for what opens nothing. */
  apiKeys: async (input: unknown) => {
    const keys = await openApiKeys(services, apiKeysQuestion.parse(input).secrets);
    return {
      apiKeys: keys.map((key) => {
        if (!key) return null;
        const { id, userId, organizationId, workspaceId, permissions } = key;
        return { id, userId, organizationId, workspaceId, permissions };
      }),
    };
  },

  /** The addresses that these users sign in with: for erasing what is kept by address. */
  emailsOf: async (input: unknown) => {
    const { userIds } = usersQuestion.parse(input);
    return { emails: await Promise.all(userIds.map((userId) => emailsOf(services, userId))) };
  },

  /** Lets nobody in as this user any more: their erasure begins. */
  closeAccount: async (input: unknown) => {
    await closeAccount(services, userQuestion.parse(input));
    return { closed: true };
  },

  /** Mails a user; `sent` is false for somebody without an address. */
  mailUser: async (input: unknown) => ({ sent: await mailUser(services, mailQuestion.parse(input)) }),

  /** Whose addresses these are; null for nobody's. */
  usersByEmail: async (input: unknown) => ({
    userIds: await userIdsByEmail(services, emailsQuestion.parse(input).emails),
  }),
});
