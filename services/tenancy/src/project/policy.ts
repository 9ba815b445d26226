import { may, type Actor } from "@atrium/access";

export const mayWrite = (actor: Actor): boolean => may(actor, "projects:write");
