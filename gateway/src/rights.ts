import { isSignedIn, type Actor } from "@atrium/access";

/** Whether `now` stands where `before` stood, with no right less. */
export function hasAllOf(now: Actor, before: Actor): boolean {
  const [current, previous] = [signedIn(now), signedIn(before)];
  if (current.organizationId !== previous.organizationId || current.workspaceId !== previous.workspaceId) return false;
  const held = new Set(current.permissions);
  return previous.permissions.every((permission) => held.has(permission));
}

export function signedIn(actor: Actor) {
  if (!isSignedIn(actor)) throw new Error("Only somebody who is signed in subscribes.");
  return actor;
}
