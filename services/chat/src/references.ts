import { EntityStub } from "@atrium/schema-kit";

/** People belong to identity. */
export const User = EntityStub("User");
/** Documents and the bases that hold them belong to knowledge. */
export const KnowledgeBase = EntityStub("KnowledgeBase");
export const Document = EntityStub("Document");
