import { may, requirePermission, type Actor } from "@atrium/access";

/** Publishing changes what everybody who talks to the bot hears, so it needs both rights. */
export function requirePublishing(actor: Actor): void {
  requirePermission(actor, "chatbots:write");
  requirePermission(actor, "chatbots:publish");
}

export const mayPublish = (actor: Actor): boolean => may(actor, "chatbots:write") && may(actor, "chatbots:publish");

/** A bot tells others what its knowledge bases hold: whoever attaches one must be allowed to read it. */
export const requireAttaching = (actor: Actor): void => requirePermission(actor, "knowledge:read");
