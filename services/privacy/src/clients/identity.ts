import type { Platform } from "@atrium/subgraph";
import { z } from "zod";

const answer = z.object({ sent: z.boolean() });

/** Mails a user; false for somebody without an address. Privacy never learns the address. */
export type MailUser = (mail: { userId: string; subject: string; text: string }) => Promise<boolean>;

export const mailUserBy =
  ({ callInternal }: Pick<Platform, "callInternal">): MailUser =>
  async (mail) =>
    answer.parse(await callInternal("identity", "mailUser", mail, "privacy")).sent;

/** Lets nobody in as this user any more. */
export type CloseAccount = (userId: string) => Promise<void>;

export const closeAccountBy =
  ({ callInternal }: Pick<Platform, "callInternal">): CloseAccount =>
  async (userId) => {
    await callInternal("identity", "closeAccount", { userId }, "privacy");
  };
