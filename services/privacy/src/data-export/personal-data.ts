import { inPages, type PersonalData } from "@atrium/personal-data";
import type { Tx } from "../context";
import { deleteFilesOf } from "./commands";
import { deleteExportsOf, pageOfExports } from "./store";

export const dataExportData: PersonalData = {
  holds: "Which exports the person has asked for.",
  category: "PROFILE",
  legalBasis: "LEGAL_OBLIGATION",
  records: ({ db, userId }) => inPages((page) => pageOfExports(db as Tx, userId, page)),
  async erase({ db, userId }) {
    const ids = await deleteExportsOf(db as Tx, userId);
    for (const id of ids) await deleteFilesOf(db as Tx, id);
    return { erased: ids.length };
  },
};
