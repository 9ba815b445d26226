import type { Context, Db } from "../context";
import { parseEmail } from "./email";
import { findEmails, findSignInMethods, findUser, findUserIdsByEmail } from "./store";

/** The user whom the handle is bound to. */
export const findOwnUser = (db: Db, userId: string) => findUser(db, userId);

/** How the user can prove who they are. */
export const signInMethods = ({ database }: Context, userId: string) =>
  findSignInMethods(database.as({ userId }), userId);

/** Whose addresses these are; null for nobody's. */
export async function userIdsByEmail(
  { database }: Pick<Context, "database">,
  emails: readonly string[],
): Promise<(string | null)[]> {
  const keys = emails.map((email) => parseEmail(email)?.key ?? null);
  const found = await findUserIdsByEmail(
    database.asService(),
    keys.filter((key) => key !== null),
  );
  const userIds = new Map(found.map(({ identifierKey, userId }) => [identifierKey, userId]));
  return keys.map((key) => (key && userIds.get(key)) ?? null);
}

/** The addresses that the user signs in with. */
export const emailsOf = async ({ database }: Pick<Context, "database">, userId: string): Promise<string[]> =>
  (await findEmails(database.asService(), [userId])).map(({ identifier }) => identifier);
