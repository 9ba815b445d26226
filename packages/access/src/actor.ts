import { PublicError } from "@atrium/errors";
import { allows, type Permission } from "./permissions";

/** Nobody: no token came with the request. */
export interface AnonymousActor {
  readonly kind: "ANONYMOUS";
}

/** A person, a guest or an API key, and where they act. The gateway resolves it anew for every request. */
export interface SignedInActor {
  readonly kind: "USER" | "GUEST" | "API_KEY";
  /** The person (for an API key: the one who made it). */
  readonly userId: string;
  /** The session, or the API key's own id. */
  readonly sessionId: string;
  /** Null for a guest, and for a user who has left every organization. */
  readonly organizationId: string | null;
  readonly workspaceId: string | null;
  /** Permission patterns of the roles held there. */
  readonly permissions: readonly string[];
}

/** A service acting for itself: an event's handler, a job. Bound to the tenant that the event or job names. */
export interface SystemActor {
  readonly kind: "SYSTEM";
  readonly service: string;
  readonly organizationId: string | null;
  readonly workspaceId: string | null;
  /** On whose behalf, where the cause was a person's act. */
  readonly userId: string | null;
}

export type Actor = AnonymousActor | SignedInActor | SystemActor;
/** An actor that stands in a workspace. */
export type WorkspaceActor = (SignedInActor | SystemActor) & { organizationId: string; workspaceId: string };

export const anonymous: AnonymousActor = { kind: "ANONYMOUS" };

export function systemActor(
  service: string,
  tenant: { organizationId?: string | null; workspaceId?: string | null; userId?: string | null } = {},
): SystemActor {
  const { organizationId = null, workspaceId = null, userId = null } = tenant;
  return { kind: "SYSTEM", service, organizationId, workspaceId, userId };
}

export const isSignedIn = (actor: Actor): actor is SignedInActor =>
  actor.kind === "USER" || actor.kind === "GUEST" || actor.kind === "API_KEY";

/** Whether the actor holds this right where it stands. A system actor was permitted by whoever caused it. */
export function may(actor: Actor, permission: Permission): boolean {
  if (actor.kind === "SYSTEM") return true;
  return isSignedIn(actor) && allows(actor.permissions, permission);
}

/** Throws `UNAUTHENTICATED` for nobody, `FORBIDDEN` for somebody without the right. */
export function requirePermission(actor: Actor, permission: Permission): void {
  if (actor.kind === "ANONYMOUS") throw new PublicError("UNAUTHENTICATED", "Sign in first.");
  if (!may(actor, permission)) throw new PublicError("FORBIDDEN", `This needs the permission ${permission}.`);
}

export function requireSignedIn(actor: Actor): SignedInActor {
  if (!isSignedIn(actor)) throw new PublicError("UNAUTHENTICATED", "Sign in first.");
  return actor;
}

/** The actor with its workspace; throws when it stands in none. */
export function requireWorkspace(actor: Actor): WorkspaceActor {
  if (actor.kind === "ANONYMOUS") throw new PublicError("UNAUTHENTICATED", "Sign in first.");
  if (!actor.organizationId || !actor.workspaceId)
    throw new PublicError("FORBIDDEN", "Choose a workspace first, with switchContext.");
  return actor as WorkspaceActor;
}
