import type { Tx } from "../context";
import { changedDocuments, passagesInPages } from "../document/queries";
import { revisionOf } from "../knowledge-base/queries";
import type { IndexSource } from "./indexes";

const pageSize = 500;

/** The database as what indexes are made of. */
export const databaseSource: IndexSource = {
  revisionOf,
  changesSince: changedDocuments,
  async *passagesOf(db: Tx, workspaceId: string, documentId: string) {
    for await (const page of passagesInPages(db, workspaceId, documentId, pageSize))
      for (const { firstPage, ...passage } of page) yield { ...passage, page: firstPage };
  },
};
