import type { Handle } from "@atrium/database";
import type { PrismaClient } from "../generated/prisma/client";
import type { StoredSigningKey } from "./signing-key";

type Db = Handle<PrismaClient>;

// Any number that nothing else in this database locks.
const rotationLock = 20_261_120;

/** Keeps other processes from rotating until `tx` ends. */
export async function lockRotation(tx: Db): Promise<void> {
  await tx.sql("select pg_advisory_xact_lock($1)", [rotationLock]);
}

export async function findSigningKeys(db: Db): Promise<StoredSigningKey[]> {
  const rows = await db.signingKey.findMany();
  return rows.map(({ id, publicJwk, privateKey, activeAt }) => ({
    id,
    publicJwk: publicJwk as StoredSigningKey["publicJwk"],
    privateKey: Buffer.from(privateKey),
    activeAt,
  }));
}

export async function insertSigningKey(tx: Db, key: StoredSigningKey, createdAt: Date): Promise<void> {
  const { id, publicJwk, privateKey, activeAt } = key;
  await tx.signingKey.create({
    data: {
      id,
      publicJwk: publicJwk as Record<string, string>,
      privateKey: new Uint8Array(privateKey),
      createdAt,
      activeAt,
    },
  });
}

export async function deleteSigningKeys(tx: Db, ids: readonly string[]): Promise<void> {
  await tx.signingKey.deleteMany({ where: { id: { in: [...ids] } } });
}
