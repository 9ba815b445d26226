import { PublicError } from "@atrium/errors";
import type { Context, Db } from "../context";
import { mayEnter } from "../membership/queries";
import { savePlace } from "./store";
import type { User } from "./user";

interface Standing {
  organizationId: string | null;
  workspaceId: string | null;
}

const nowhere: Standing = { organizationId: null, workspaceId: null };

/**
 * Where the user acts next: where they last did if they still may, else where tenancy says that they begin. Without an
 * answer from tenancy they stay; a token grants nothing by where it stands, since each request asks what is allowed.
 */
export async function startingPlace(ctx: Context, user: User, last: Standing): Promise<Standing> {
  if (user.kind === "GUEST") return nowhere;
  const { organizationId, workspaceId } = last;
  try {
    if (organizationId && (await mayEnter(ctx, { userId: user.id, organizationId, workspaceId })))
      return { organizationId, workspaceId };
    return (await ctx.tenancy.defaultPlaceOf(user.id)) ?? nowhere;
  } catch (error) {
    tolerateSilence(error);
    return { organizationId, workspaceId };
  }
}

// Tenancy makes the first organization on hearing of the user, usually within a twentieth of this.
const firstPlaceWithinMs = 5_000;
const firstPauseMs = 20;
const pauseMsMax = 200;

/** Waits a moment for the organization that a new user gets. Nowhere when it takes longer; a refresh finds it then. */
export async function firstPlace(ctx: Context, userId: string): Promise<Standing> {
  const until = Date.now() + firstPlaceWithinMs;
  try {
    for (
      let pauseMs = firstPauseMs;
      Date.now() < until && !ctx.signal.aborted;
      pauseMs = Math.min(pauseMs * 2, pauseMsMax)
    ) {
      const place = await ctx.tenancy.defaultPlaceOf(userId);
      if (place) return place;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  } catch (error) {
    tolerateSilence(error);
  }
  return nowhere;
}

export const rememberPlace = (tx: Db, userId: string, place: Standing) => savePlace(tx, userId, place);

function tolerateSilence(error: unknown): void {
  if (!(error instanceof PublicError) || error.extensions.code !== "SERVICE_UNAVAILABLE") throw error;
}
