import { createHash, sign, verify } from "node:crypto";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { PublicError } from "@atrium/errors";
import { z } from "zod";
import type { Context, Tx } from "../context";
import { headMac } from "./head";
import { findHash, listHeads, type Head } from "./store";

/** How far a chain is known to have come: signed, and kept beside the database, where its owner doesn't reach. */
export interface Witness {
  number: number;
  hash: string;
}

type Job = Pick<Context, "database" | "blobs" | "keys" | "log">;
const batch = 500;
const sizeMax = 10_000;
const statement = z.object({ number: z.number().int(), hash: z.string(), signature: z.base64() });

/** What is there as a witness, but not by this installation. */
export const forged = "FORGED";

const keyOf = (chain: string) => `audit-witnesses/${createHash("sha256").update(chain).digest("hex")}`;
const statementOf = (chain: string, { number, hash }: Witness) =>
  Buffer.from(`atrium audit witness v1\n${chain}\n${number}\n${hash}`);

/** Null for a chain that nothing was written of yet. */
export async function findWitness(
  { blobs, keys }: Pick<Context, "blobs" | "keys">,
  chain: string,
): Promise<Witness | typeof forged | null> {
  let said: string;
  try {
    said = await text(await blobs.read(keyOf(chain)));
  } catch (error) {
    if (error instanceof PublicError && error.extensions.code === "NOT_FOUND") return null;
    throw error;
  }
  const witness = parsed(said);
  if (!witness) return forged;
  const { signature, ...signed } = witness;
  const genuine = verify(
    null,
    statementOf(chain, signed),
    keys.checkpoints.publicKey,
    Buffer.from(signature, "base64"),
  );
  return genuine ? signed : forged;
}

function parsed(said: string) {
  try {
    return statement.safeParse(JSON.parse(said)).data ?? null;
  } catch {
    return null;
  }
}

/**
 * Writes down how far chains have come. Only where a chain goes on from what is written already:
 * what was cut off, rewritten or forged stays for the verification to find. `seen` are the chains' ends when this was last done.
 */
export async function witnessChains({ database, blobs, keys, log }: Job, seen: Map<string, string>): Promise<void> {
  const db = database.asService();
  for (let after: string | null = null; ;) {
    const heads: Head[] = await listHeads(db, { after, limit: batch });
    if (heads.length === 0) return;
    for (const head of heads) {
      if (seen.get(head.chain) === head.hash) continue;
      const before = await findWitness({ blobs, keys }, head.chain);
      if (head.mac === headMac(keys, head) && before !== forged && (await follows(db, head, before)))
        await write({ blobs, keys }, head);
      else
        log.error({ chain: head.chain, number: head.number }, "An audit trail doesn't go on from where it was seen.");
      seen.set(head.chain, head.hash);
    }
    after = heads.at(-1)!.chain;
  }
}

/** Whether the chain still has the entry that was its last one then. Those that were too old go by themselves. */
async function follows(db: Tx, head: Head, before: Witness | null): Promise<boolean> {
  if (!before || before.number < head.firstNumber) return true;
  return before.number <= head.number && (await findHash(db, head.chain, before.number)) === before.hash;
}

async function write({ blobs, keys }: Pick<Context, "blobs" | "keys">, { chain, number, hash }: Head): Promise<void> {
  const signature = sign(null, statementOf(chain, { number, hash }), keys.checkpoints.privateKey).toString("base64");
  const said = JSON.stringify({ number, hash, signature });
  await blobs.write(keyOf(chain), Readable.from([Buffer.from(said)]), { sizeMax });
}
