import type { PersonalData } from "@atrium/personal-data";
import type { Tx } from "../context";
import { eraseOrigins, withOrigins } from "./origin-store";
import { countEntriesBy, listEntriesBy } from "./store";

const pageSize = 500;

export const auditEntryData: PersonalData = {
  holds:
    "What the person did, as the audit trails of their organizations have it: by their id, without contents; " +
    "and from which network and device.",
  category: "AUDIT",
  legalBasis: "LEGAL_OBLIGATION",
  async *records({ db, userId }) {
    for (let after: { chain: string; number: number } | null = null; ;) {
      const entries = await listEntriesBy(db as Tx, userId, { limit: pageSize, after });
      for (const { chain, ...entry } of await withOrigins(db as Tx, entries))
        yield { organizationId: chain || null, ...entry };
      if (entries.length < pageSize) return;
      after = entries.at(-1)!;
    }
  },
  erase: async ({ db, userId }) => ({
    erased: await eraseOrigins(db as Tx, userId),
    retained: await countEntriesBy(db as Tx, userId),
    law: "Art. 17 (3) (b) and (e) GDPR: the trail stays whole for seven years; it has the person's id, no name, and no network or device any more.",
  }),
};
