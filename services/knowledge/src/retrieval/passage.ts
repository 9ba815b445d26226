/** What the index is given of a passage. The text itself stays in the database; the index keeps its words. */
export interface Passage {
  readonly id: string;
  readonly documentId: string;
  readonly text: string;
  /** The document's title; its words count for each of its passages. */
  readonly title?: string | null;
  /** The headings above the passage, outermost first. */
  readonly headingPath?: readonly string[];
  /** The page it begins on, from 1. */
  readonly page?: number | null;
  /** ISO 639-1 (`en`, `de`, …). Told from the text when it isn't given. */
  readonly language?: string | null;
}

export type MetadataValue = string | number | boolean | null | readonly (string | number | boolean)[];
export type Metadata = Readonly<Record<string, MetadataValue>>;

/** What is filtered by and may change without indexing anew. */
export interface DocumentFacts {
  readonly metadata?: Metadata;
  /** The passages of a disabled document aren't found. */
  readonly enabled?: boolean;
}

/** One condition on a metadata field; a field that holds a list fits when one of its items does. */
export type MetadataCondition =
  | string
  | number
  | boolean
  | null
  | {
      readonly in?: readonly (string | number | boolean)[];
      readonly notIn?: readonly (string | number | boolean)[];
      /** Inclusive bounds; texts are compared as texts, so ISO dates work. */
      readonly from?: string | number;
      readonly to?: string | number;
      readonly exists?: boolean;
    };

/** All that is given must hold. */
export interface PassageFilter {
  readonly documentIds?: readonly string[];
  readonly metadata?: Readonly<Record<string, MetadataCondition>>;
  /** A heading above the passage, by its words, whatever their case and accents. */
  readonly heading?: string;
  readonly pageFrom?: number;
  readonly pageTo?: number;
}
