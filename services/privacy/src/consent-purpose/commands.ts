import { PublicError, type Result } from "@atrium/errors";
import { appendEvent, consentPurposeDefined } from "@atrium/events";
import type { Context } from "../context";
import { define, type ConsentPurpose, type DefineConsentPurposeRefusal } from "./consent-purpose";
import { requireDefining } from "./policy";
import { purposesOf } from "./queries";
import { insertPurpose } from "./store";

/** Writes a purpose, or a new version of one: who agreed to the version before is asked again. */
export async function defineConsentPurpose(
  { actor, db, now }: Context,
  input: Pick<ConsentPurpose, "key" | "legalBasis" | "text">,
): Promise<Result<ConsentPurpose, DefineConsentPurposeRefusal>> {
  const { organizationId, userId } = requireDefining(actor);
  return db.transaction(async (tx) => {
    const defined = define(await purposesOf(tx, organizationId), input, now());
    if (!defined.ok) return defined;
    const { key: purpose, version: purposeVersion, legalBasis } = defined.value;
    if (!(await insertPurpose(tx, { ...defined.value, organizationId, definedById: userId })))
      throw new PublicError("CONFLICT", "Somebody else has just written this purpose; load it again.");
    await appendEvent(tx, consentPurposeDefined({ purpose, purposeVersion, legalBasis }));
    return defined;
  });
}
