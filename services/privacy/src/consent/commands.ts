import { ok, type Result } from "@atrium/errors";
import { appendEvent, consentGiven, consentWithdrawn } from "@atrium/events";
import { newId } from "@atrium/ids";
import { truncatedAddress } from "@atrium/subgraph";
import { requireMember } from "../consent-purpose/policy";
import { purposesOf } from "../consent-purpose/queries";
import type { RequestContext } from "../context";
import { limitConsents } from "../limits";
import { decide, type Consent, type Decision, type RecordConsentsRefusal } from "./consent";
import { insertRecord, listConsents, saveConsent } from "./store";

const userAgentLengthMax = 400;

/** How the person stands to all purposes now, and how many decisions there were. */
export interface Recorded {
  processed: number;
  /** The purposes that the person agrees to as they say now. */
  activeCollections: string[];
  consents: Consent[];
}

/**
 * Records what the actor agrees to, and what not, in their organization. The newest decision counts; one that is what
 * counts already leaves no trace.
 */
export async function recordConsents(
  ctx: RequestContext,
  decisions: readonly Decision[],
): Promise<Result<Recorded, RecordConsentsRefusal>> {
  const { db, now, userAgent, clientAddress } = ctx;
  const owner = requireMember(ctx.actor);
  await limitConsents(ctx, owner.userId);
  return db.transaction(async (tx) => {
    const purposes = await purposesOf(tx, owner.organizationId);
    const decided = decide(purposes, decisions);
    if (!decided.ok) return decided;
    for (const { purpose, version: purposeVersion, given, method } of decided.value) {
      const consent = { purpose, purposeVersion, given, method, recordedAt: now() };
      if (!(await saveConsent(tx, owner, consent))) continue;
      await insertRecord(tx, owner, {
        id: newId("cns", now().getTime()),
        ...consent,
        userAgent: userAgent?.slice(0, userAgentLengthMax) ?? null,
        address: truncatedAddress(clientAddress),
      });
      const announced = given ? consentGiven : consentWithdrawn;
      await appendEvent(tx, announced({ userId: owner.userId, purpose, purposeVersion, method }));
    }
    const consents = await listConsents(tx, owner);
    const activeCollections = purposes
      .filter(({ key, version }) =>
        consents.some((each) => each.given && each.purpose === key && each.purposeVersion === version),
      )
      .map(({ key }) => key);
    return ok({ processed: decisions.length, activeCollections, consents });
  });
}
