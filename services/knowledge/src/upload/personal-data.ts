import { countErased, erasedUserId, recordsBy, type PersonalData } from "@atrium/personal-data";
import type { Tx } from "../context";
import { deleteFilesLater } from "../files";

export const uploadData: PersonalData = {
  holds: "Files that the person sent, until they are documents or a day has passed.",
  category: "DOCUMENTS",
  legalBasis: "CONTRACT",
  records: recordsBy(
    `select id, organization_id as "organizationId", workspace_id as "workspaceId", filename,
            content_type as "contentType", size_bytes as "sizeBytes", sha256, created_at as "createdAt",
            stored_at as "storedAt", used_at as "usedAt"
       from upload where created_by_id = $1 and id > $2 order by id limit $3`,
  ),
  async erase(person) {
    const { db, userId } = person;
    const unused = await db.sql<{ transfers: string[] }>(
      "delete from upload where created_by_id = $1 and used_at is null returning transfers",
      [userId],
    );
    await deleteFilesLater(
      db as Tx,
      unused.flatMap(({ transfers }) => transfers),
    );
    // The file is a document's by now.
    const used = "update upload set created_by_id = $2, filename = 'erased' where created_by_id = $1";
    return { erased: unused.length + (await countErased(person, used, erasedUserId)) };
  },
};
