import { changedDocuments, passagesToIndex } from "../document/queries";
import { revisionOf } from "../knowledge-base/queries";
import type { IndexSource } from "./indexes";

/** The database as what indexes are made of. */
export const databaseSource: IndexSource = {
  revisionOf,
  changesSince: changedDocuments,
  passagesOf: passagesToIndex,
};
