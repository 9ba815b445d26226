/** How documents are cut into passages. */
export interface Splitting {
  method: "FIXED" | "SENTENCE" | "HEADING";
  /** No passage has more tokens. */
  sizeTokens: number;
  /** How much of a passage's end is said again at the start of the next. */
  overlapTokens: number;
}

/** A set of documents that is searched and answered from as one. */
export interface KnowledgeBase {
  id: string;
  organizationId: string;
  workspaceId: string;
  name: string;
  description: string;
  splitting: Splitting;
  /** Grows with every change of what can be found in it. */
  revision: number;
  createdById: string | null;
  createdAt: Date;
  updatedAt: Date;
}
