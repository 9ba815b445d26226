import type { Handle } from "@atrium/database";
import type { PrismaClient } from "../generated/prisma/client";
import type { User } from "./user";

type Db = Handle<PrismaClient>;

export interface SignInMethod {
  id: string;
  userId: string;
  kind: "EMAIL";
  identifier: string;
  createdAt: Date;
  lastUsedAt: Date | null;
}

const userColumns = { id: true, kind: true, name: true } as const;
const methodColumns = {
  id: true,
  userId: true,
  kind: true,
  identifier: true,
  createdAt: true,
  lastUsedAt: true,
} as const;

export async function insertUser(tx: Db, user: User, createdAt: Date): Promise<void> {
  await tx.user.create({ data: { ...user, createdAt } });
}

/** Throws `EmailTaken` when there is a user with this address; the transaction can only be rolled back then. */
export async function insertEmailMethod(
  tx: Db,
  method: { id: string; userId: string; identifier: string; identifierKey: string; passwordHash: string; now: Date },
): Promise<void> {
  const { now, ...columns } = method;
  try {
    await tx.signInMethod.create({
      data: { ...columns, kind: "EMAIL", passwordChangedAt: now, createdAt: now, lastUsedAt: now },
    });
  } catch (error) {
    throw (error as { code?: unknown }).code === "P2002" ? new EmailTaken({ cause: error }) : error;
  }
}

export class EmailTaken extends Error {
  constructor(options: ErrorOptions) {
    super("There is a user with this e-mail address.", options);
  }
}

/** The user whom this address belongs to, and how they prove it. Needs a service handle: nobody is known yet. */
export async function findByEmail(service: Db, identifierKey: string) {
  const method = await service.signInMethod.findFirst({
    where: { kind: "EMAIL", identifierKey },
    select: {
      id: true,
      passwordHash: true,
      user: { select: { ...userColumns, organizationId: true, workspaceId: true } },
    },
  });
  return method && { methodId: method.id, passwordHash: method.passwordHash, user: method.user };
}

/** Locks the user's e-mail method until `tx` ends, so that of two changes of a password one sees the other. */
export async function lockPassword(tx: Db, userId: string): Promise<{ methodId: string; passwordHash: string } | null> {
  const [row] = await tx.sql<{ id: string; password_hash: string }>(
    "select id, password_hash from sign_in_method where user_id = $1 and kind = 'EMAIL' for update",
    [userId],
  );
  return row ? { methodId: row.id, passwordHash: row.password_hash } : null;
}

export async function savePassword(tx: Db, methodId: string, passwordHash: string, now: Date): Promise<void> {
  await tx.signInMethod.update({ where: { id: methodId }, data: { passwordHash, passwordChangedAt: now } });
}

/** The address stays, to be told to those who erase what is kept by it, and opens nothing any more. */
export const closeSignInMethods = (tx: Db, userId: string) =>
  tx.sql("update sign_in_method set identifier_key = 'closed ' || id where user_id = $1", [userId]);

export async function recordUse(tx: Db, methodId: string, now: Date): Promise<void> {
  await tx.signInMethod.update({ where: { id: methodId }, data: { lastUsedAt: now } });
}

/** Where their next session begins. */
export async function savePlace(
  tx: Db,
  userId: string,
  place: { organizationId: string | null; workspaceId: string | null },
): Promise<void> {
  const { organizationId, workspaceId } = place;
  await tx.user.update({ where: { id: userId }, data: { organizationId, workspaceId } });
}

/** Of these users, those whom the handle's tenant may see. */
export const findUsers = (db: Db, ids: readonly string[]): Promise<User[]> =>
  db.user.findMany({ where: { id: { in: [...ids] } }, select: userColumns });

/** Null unless the handle's tenant may see the user. */
export const findUser = (db: Db, id: string): Promise<User | null> =>
  db.user.findFirst({ where: { id }, select: userColumns });

export const findSignInMethods = (db: Db, userId: string): Promise<SignInMethod[]> =>
  db.signInMethod.findMany({ where: { userId }, select: methodColumns, orderBy: { createdAt: "asc" } });

/** The e-mail addresses of users who have one. Whether the caller may know them was decided before. */
export const findEmails = (db: Db, userIds: readonly string[]): Promise<{ userId: string; identifier: string }[]> =>
  db.signInMethod.findMany({
    where: { kind: "EMAIL", userId: { in: [...userIds] } },
    select: { userId: true, identifier: true },
  });

export const findUserIdsByEmail = (
  service: Db,
  identifierKeys: readonly string[],
): Promise<{ userId: string; identifierKey: string }[]> =>
  service.signInMethod.findMany({
    where: { kind: "EMAIL", identifierKey: { in: [...identifierKeys] } },
    select: { userId: true, identifierKey: true },
  });
