import { sign, verify } from "node:crypto";
import type { Context } from "../context";
import type { Keys } from "../keys";
import {
  dropOldPartitions,
  firstNumberOf,
  insertCheckpoints,
  listChains,
  listUnsigned,
  lockHeads,
  makePartition,
  saveHeads,
  type Checkpoint,
} from "./store";
import { headMac } from "./head";
import { dropOldOrigins } from "./origin-store";

type Job = Pick<Context, "database" | "keys" | "now">;
const batch = 500;

/** What is signed of a checkpoint. */
const statementOf = ({ chain, day, number, hash }: Pick<Checkpoint, "chain" | "day" | "number" | "hash">) =>
  Buffer.from(`atrium audit checkpoint v1\n${chain}\n${day}\n${number}\n${hash}`);

/** Signs where each chain ends today, once a day: what stands before it can't be rewritten unnoticed from then on. */
export async function signCheckpoints({ database, keys, now }: Job): Promise<void> {
  const db = database.asService();
  const signedAt = now();
  const day = signedAt.toISOString().slice(0, 10);
  for (;;) {
    const heads = await listUnsigned(db, batch, day);
    if (heads.length === 0) return;
    await insertCheckpoints(
      db,
      heads.map(({ chain, number, hash }) => {
        const signature = sign(null, statementOf({ chain, day, number, hash }), keys.checkpoints.privateKey);
        return { chain, day, number, hash, keyId: keys.checkpoints.id, signature, signedAt };
      }),
    );
  }
}

/** Whether this installation has signed it. */
export const isGenuine = (keys: Keys, checkpoint: Checkpoint): boolean =>
  checkpoint.keyId === keys.checkpoints.id &&
  verify(null, statementOf(checkpoint), keys.checkpoints.publicKey, checkpoint.signature);

/** Makes the partitions of this month and the two that follow, and removes those of seven years ago. */
export async function tendPartitions({ database, keys, now }: Job): Promise<void> {
  const db = database.asService();
  const today = now();
  for (const ahead of [0, 1, 2])
    await makePartition(db, new Date(Date.UTC(today.getUTCFullYear(), today.getUTCMonth() + ahead, 1)));
  await dropOldOrigins(db);
  if ((await dropOldPartitions(db)) === 0) return;
  for (let after: string | null = null; ;) {
    const chains: string[] = await listChains(db, { after, limit: batch });
    if (chains.length === 0) return;
    await db.transaction(async (tx) => {
      for (const head of (await lockHeads(tx, chains, today)).values()) {
        const firstNumber = (await firstNumberOf(tx, head.chain)) ?? head.number + 1;
        await saveHeads(tx, [{ ...head, firstNumber, mac: headMac(keys, { ...head, firstNumber }) }]);
      }
    });
    after = chains.at(-1)!;
  }
}
