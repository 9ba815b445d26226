import { isErased } from "@atrium/personal-data";
import type { Context, Tx } from "../context";
import { forgetInteractionsOf } from "../interaction/commands";
import { allowsDetail } from "./consent";
import { lockConsent, saveConsent, saveVersion } from "./store";

/** Somebody has agreed to analytics, or doesn't any more: then what was kept of them is deleted at once. */
export async function noteConsent(
  { db: tx }: Pick<Context, "db">,
  told: { organizationId: string; userId: string; given: boolean; purposeVersion: number; eventId: string },
): Promise<void> {
  const { organizationId, userId, given, purposeVersion, eventId } = told;
  if (await isErased(tx, userId)) return;
  await saveConsent(tx, organizationId, userId, { given, purposeVersion }, eventId);
  if (!(await mayKeepDetail(tx, organizationId, userId))) await forgetInteractionsOf(tx, organizationId, userId);
}

/** The purpose has a new text: whoever agreed to an earlier one is asked again, and until then nothing is collected. */
export const notePurpose = (
  { db: tx }: Pick<Context, "db">,
  { organizationId, version }: { organizationId: string; version: number },
): Promise<void> => saveVersion(tx, organizationId, version);

/** Whether what this person does may be kept. The answer stands until `tx` ends. */
export async function mayKeepDetail(tx: Tx, organizationId: string, userId: string): Promise<boolean> {
  const { consent, versionNow } = await lockConsent(tx, organizationId, userId);
  return allowsDetail(consent, versionNow);
}
