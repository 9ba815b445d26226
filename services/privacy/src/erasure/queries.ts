import { PublicError } from "@atrium/errors";
import type { Context } from "../context";
import { requirePerson } from "../data-export/policy";
import { certificateOf } from "./certificate";
import { hashOfToken, type Erasure, type ErasurePart } from "./erasure";
import { findByTokenHash, findErasure, listParts } from "./store";

/**
 * An erasure of the actor's own; or, for whoever can't sign in any more because it is done, the one that the
 * cancellation token was given for.
 */
export async function erasure({ actor, db, database }: Context, id: string, token: string | null): Promise<Erasure> {
  if (token === null) requirePerson(actor);
  const found = token ? await findByTokenHash(database.asService(), hashOfToken(token)) : await findErasure(db, id);
  if (found?.id !== id) throw new PublicError("NOT_FOUND", `You have no erasure ${id}.`);
  return found;
}

/** For an erasure that the caller was given to see. */
export const erasureParts = (
  { database }: Pick<Context, "database">,
  { id, userId }: Erasure,
): Promise<ErasurePart[]> => listParts(database.as({ userId }), id);

/** Null until it is done. */
export const certificate = async (ctx: Pick<Context, "database">, found: Erasure) =>
  found.status === "COMPLETED" ? certificateOf(found, await erasureParts(ctx, found)) : null;
