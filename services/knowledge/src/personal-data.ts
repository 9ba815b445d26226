import { nothingPersonal, type Held } from "@atrium/personal-data";
import { documentData } from "./document/personal-data";
import { knowledgeBaseData } from "./knowledge-base/personal-data";
import { uploadData } from "./upload/personal-data";

/** What this service holds of people, by noun, in the order in which it is erased. */
export const held: Held = {
  upload: uploadData,
  document: documentData,
  "knowledge-base": knowledgeBaseData,
  "index-snapshot": nothingPersonal("Copies of indexes on the disk; they go when a document that they hold does."),
  search: nothingPersonal("Queries and answers aren't kept; an index holds what documents hold, and follows them."),
  ingestion: nothingPersonal("Reads files, and keeps nothing."),
  retrieval: nothingPersonal("Pure code over passages."),
};
