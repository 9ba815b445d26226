import { inPages, type PersonalData } from "@atrium/personal-data";
import type { Tx } from "../context";
import { countErasures, deleteCode, forgetReasons, pageOfErasures } from "./store";

export const erasureData: PersonalData = {
  holds: "Requests for erasure, and why the person made them.",
  category: "PROFILE",
  legalBasis: "LEGAL_OBLIGATION",
  records: ({ db, userId }) => inPages((page) => pageOfErasures(db as Tx, userId, page)),
  async erase({ db, userId }) {
    const { count: codes } = await deleteCode(db as Tx, userId);
    await forgetReasons(db as Tx, userId);
    return {
      erased: codes,
      retained: await countErasures(db as Tx, userId),
      law: "Art. 5 (2) GDPR: that and when the person was erased, with their id and without the reason.",
    };
  },
};
