import type { Held } from "@atrium/personal-data";
import { auditEntryData } from "./audit-entry/personal-data";
import { consentPurposeData } from "./consent-purpose/personal-data";
import { consentData } from "./consent/personal-data";
import { dataExportData } from "./data-export/personal-data";
import { erasureData } from "./erasure/personal-data";

/** What this service holds of people, by noun, in the order in which it is erased. */
export const held: Held = {
  consent: consentData,
  "consent-purpose": consentPurposeData,
  "data-export": dataExportData,
  erasure: erasureData,
  "audit-entry": auditEntryData,
};
