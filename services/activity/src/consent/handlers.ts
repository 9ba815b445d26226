import { consentGiven, consentPurposeDefined, consentWithdrawn, handle, type Envelope } from "@atrium/events";
import type { Context } from "../context";
import { noteConsent, notePurpose } from "./commands";
import { analyticsPurpose } from "./consent";

interface Told {
  userId: string;
  purpose: string;
  purposeVersion: number;
}

const note =
  (given: boolean) =>
  async (ctx: Context, { userId, purpose, purposeVersion }: Told, event: Envelope) => {
    const organizationId = event.organizationid;
    if (purpose !== analyticsPurpose || !organizationId) return;
    await noteConsent(ctx, { organizationId, userId, given, purposeVersion, eventId: event.id });
  };

// By themselves, not with the batches of everything: a withdrawal counts at once, however much else is waiting.
export const consentConsumers = [
  handle(consentGiven, note(true), { as: "service" }),
  handle(consentWithdrawn, note(false), { as: "service" }),
  handle(
    consentPurposeDefined,
    async (ctx: Context, { purpose, purposeVersion }, { organizationid = "" }) => {
      if (purpose !== analyticsPurpose) return;
      await notePurpose(ctx, { organizationId: organizationid, version: purposeVersion });
    },
    { as: "service" },
  ),
];
