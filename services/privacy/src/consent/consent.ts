import { ok, refuse, type Result } from "@atrium/errors";
import type { ConsentPurpose } from "../consent-purpose/consent-purpose";

/** How a person stands to a purpose since `recordedAt`. */
export interface Consent {
  purpose: string;
  purposeVersion: number;
  given: boolean;
  method: string;
  recordedAt: Date;
}

/** A change of it, with what the law wants proved. */
export interface ConsentRecord extends Consent {
  id: string;
  userAgent: string | null;
  address: string | null;
}

export const methods = {
  REGISTRATION: "When they signed up.",
  SETTINGS: "In their settings.",
  POPUP: "When they were asked.",
} as const;
export type Method = keyof typeof methods;

export interface Decision {
  purpose: string;
  given: boolean;
  method: Method;
  /** The version that the person has read; the current one when absent. */
  version: number | null;
}

export const RecordConsentsRefusal = {
  NO_SUCH_PURPOSE: "The organization asks for no such purpose.",
  OUTDATED_VERSION: "The purpose has a newer text; show that one.",
  NOT_ASKED: "This purpose doesn't rest on consent.",
} as const;
export type RecordConsentsRefusal = keyof typeof RecordConsentsRefusal;

/** Decides to which version of its purpose each decision goes. The last one of a purpose counts. */
export function decide(
  purposes: readonly ConsentPurpose[],
  decisions: readonly Decision[],
): Result<(Decision & { version: number })[], RecordConsentsRefusal> {
  const decided = new Map<string, Decision & { version: number }>();
  for (const [place, decision] of decisions.entries()) {
    const path = ["consents", String(place), "purpose"];
    const purpose = purposes.find(({ key }) => key === decision.purpose);
    if (!purpose) return refuse("NO_SUCH_PURPOSE", { path });
    // Whoever withdraws may have been shown anything; whoever agrees has agreed to what they were shown.
    if (decision.given && decision.version !== null && decision.version !== purpose.version)
      return refuse("OUTDATED_VERSION", { path });
    if (purpose.legalBasis !== "CONSENT") return refuse("NOT_ASKED", { path });
    decided.set(purpose.key, { ...decision, version: purpose.version });
  }
  // In one order, so that two who change the same ones don't wait for each other.
  return ok([...decided.values()].sort((one, other) => (one.purpose < other.purpose ? -1 : 1)));
}
