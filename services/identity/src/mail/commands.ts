import { newId } from "@atrium/ids";
import type { Services } from "../context";
import { emailsOf } from "../user/queries";
import { keepMailMs } from "./mail";
import { deleteMailBefore, insertMail } from "./store";

/**
 * Puts a mail to a user into the outbox, where an operator reads it (`npm run mail`); nothing delivers it from there
 * yet. False for somebody without an address. Whoever asks for it never learns the address.
 */
export async function mailUser(
  { database, now }: Pick<Services, "database" | "now">,
  { userId, subject, text }: { userId: string; subject: string; text: string },
): Promise<boolean> {
  const [recipient] = await emailsOf({ database }, userId);
  if (!recipient) return false;
  await insertMail(database.asService(), { id: newId("mail"), userId, recipient, subject, text, createdAt: now() });
  return true;
}

export const forgetOldMail = ({ database, now }: Pick<Services, "database" | "now">) =>
  deleteMailBefore(database.asService(), new Date(now().getTime() - keepMailMs));
