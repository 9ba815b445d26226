import type { Context, Tx } from "../context";
import { ChainWalk, genesisOf, type Broken } from "./audit-entry";
import { isGenuine } from "./checkpoint";
import { headMac } from "./head";
import { findAlteredOrigin } from "./origin-store";
import { findWitness, forged } from "./witness";
import { findEnd, listChains, listCheckpoints, numbersWithin, readLinks } from "./store";

export interface Verification {
  entryCount: number;
  checkpointCount: number;
  firstBroken: Broken | null;
}

// Following a block holds the event loop for some 12 ms.
const blockSize = 5_000;
// So the database is never waiting while one is being followed.
const readAhead = 3;

/**
 * Reads a chain, or what was recorded of it in a time, and finds the first entry that isn't what was recorded: by
 * following the hashes, and by what was signed. The next blocks are read while one is being followed.
 */
export async function verifyChain(
  { db, keys, blobs }: { db: Tx } & Pick<Context, "keys" | "blobs">,
  chain: string,
  { from = null, to = null }: { from?: Date | null; to?: Date | null } = {},
  signal?: AbortSignal,
): Promise<Verification> {
  // First: what is recorded meanwhile lies behind the end that is read next.
  const witness = await findWitness({ blobs, keys }, chain);
  const { head, last } = await findEnd(db, chain);
  const within = from || to ? await numbersWithin(db, chain, { from, to }) : null;
  const result: Verification = { entryCount: 0, checkpointCount: 0, firstBroken: null };
  const broken = (kind: Broken["kind"], number: number) => ({ ...result, firstBroken: { kind, number } });
  if (witness === forged) return broken("WITNESS_FORGED", head?.number ?? 0);
  if (!head && last !== null) return broken("INSERTED", 1);
  if (!head) return witness ? broken("MISSING", 1) : result;

  const begin = from ? (within!.first ?? head.number + 1) : head.firstNumber;
  const end = to ? (within!.last ?? begin - 1) : (last ?? begin - 1);
  const checkpoints = await listCheckpoints(db, chain, { from: begin, to: to ? end : Number.MAX_SAFE_INTEGER });
  const walk = new ChainWalk(begin - 1, begin === 1 ? genesisOf(chain) : null);
  let signedUpTo = begin - 1;

  const readFrom = (number: number) =>
    number > end ? null : readLinks(db, chain, { from: number, to: Math.min(number + blockSize - 1, end) });
  const blocks: (ReturnType<typeof readLinks> | null)[] = [];
  for (let number = begin; number <= end; number += blockSize) {
    signal?.throwIfAborted();
    while (blocks.length <= readAhead) {
      const block = readFrom(number + blocks.length * blockSize);
      // Nobody waits for it when a fault is found meanwhile.
      block?.catch(() => {});
      blocks.push(block);
    }
    const links = (await blocks.shift())!;
    for (const link of links) {
      const fault = walk.follow(link);
      if (fault) return broken(fault.kind, fault.number);
      result.entryCount++;
      if (witness?.number === walk.number && witness.hash !== walk.hash) return broken("REWRITTEN", signedUpTo + 1);
      while (checkpoints[0]?.number === walk.number) {
        const checkpoint = checkpoints.shift()!;
        if (!isGenuine(keys, checkpoint)) return broken("CHECKPOINT_FORGED", checkpoint.number);
        if (checkpoint.hash !== walk.hash) return broken("REWRITTEN", signedUpTo + 1);
        result.checkpointCount++;
        signedUpTo = checkpoint.number;
      }
    }
    if (links.length === 0) return broken("MISSING", walk.number + 1);
  }
  const altered = await findAlteredOrigin(db, chain, { from: begin, to: end });
  if (altered !== null) return broken("CHANGED", altered);
  if (to) return result;
  if (checkpoints.some((checkpoint) => isGenuine(keys, checkpoint))) return broken("MISSING", walk.number + 1);
  if (checkpoints[0]) return broken("CHECKPOINT_FORGED", checkpoints[0].number);
  if (head.mac !== headMac(keys, head)) return broken("HEAD_FORGED", head.number);
  if (walk.number < head.number) return broken("MISSING", walk.number + 1);
  if (walk.number > head.number) return broken("INSERTED", head.number + 1);
  if (witness && witness.number > head.number) return broken("MISSING", head.number + 1);
  if (walk.hash !== null && walk.hash !== head.hash) return broken("REWRITTEN", signedUpTo + 1);
  return result;
}

/** Verifies every chain; returns those that aren't intact. */
export async function verifyAllChains(
  { database, keys, blobs, log }: Pick<Context, "database" | "keys" | "blobs" | "log">,
  signal?: AbortSignal,
): Promise<{ chain: string; firstBroken: Broken }[]> {
  const db = database.asService();
  const found: { chain: string; firstBroken: Broken }[] = [];
  for (let after: string | null = null; ;) {
    const chains: string[] = await listChains(db, { after, limit: 500 });
    if (chains.length === 0) return found;
    for (const chain of chains) {
      const { firstBroken } = await verifyChain({ db, keys, blobs }, chain, {}, signal);
      if (!firstBroken) continue;
      log.error({ chain, ...firstBroken }, "The audit trail of an organization isn't what was recorded.");
      found.push({ chain, firstBroken });
    }
    after = chains.at(-1)!;
  }
}
