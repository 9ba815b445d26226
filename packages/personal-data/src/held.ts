import type { Handle } from "@atrium/database";

/** What a person may ask for, one by one or all of it. */
export const categories = {
  PROFILE: "Who they are, how they sign in, where they belong.",
  CHATS: "What they said to bots, and what those answered.",
  ANALYTICS: "What was counted of their use.",
  CONSENTS: "What they agreed to.",
  DOCUMENTS: "What they uploaded and made.",
  PROCUREMENT: "What they asked to buy, and decided.",
  FIELD: "What they recorded on site.",
  AUDIT: "What they did, as the audit trail has it.",
} as const;
export type Category = keyof typeof categories;

/** Why it is held: article 6 (1) of the GDPR. */
export const legalBases = {
  CONSENT: "Consent (a)",
  CONTRACT: "Performance of a contract (b)",
  LEGAL_OBLIGATION: "Legal obligation (c)",
  LEGITIMATE_INTEREST: "Legitimate interests (f)",
} as const;
export type LegalBasis = keyof typeof legalBases;

/** Whose data it is, and the database in their name: it reaches that person's rows in every organization, and no others. */
export interface Person<Client = unknown> {
  readonly userId: string;
  /** Their addresses, for what is kept by address. */
  readonly emails: readonly string[];
  /** `asService({ userId })`. Tables let it through by a policy `(select is_service()) and user_id = (select current_user_id())`. */
  readonly db: Handle<Client>;
  readonly now: Date;
}

/** What became of a noun's records of a person. */
export interface Erased {
  /** How many records are gone, or no longer say whom they are of. */
  erased: number;
  /** How many stay as they are. */
  retained?: number;
  /** Under which law the retained ones stay; required where any does. */
  law?: string;
}

/** What one noun holds of people, how that is handed over, and how it is erased. */
export interface PersonalData<Client = unknown> {
  /** In words, for the manifest of an export. */
  readonly holds: string;
  readonly category: Category;
  readonly legalBasis: LegalBasis;
  /** The person's records, as they will stand in the archive: plain JSON. */
  records(person: Person<Client>): AsyncIterable<object>;
  /**
   * Erases them, or takes the person out of them, in the transaction of `person.db`, which holds the erasure of all
   * nouns of the service: all of it happens, once. Files are deleted by a job that it enqueues.
   */
  erase(person: Person<Client>): Promise<Erased>;
}

/** Said of a noun that holds nothing personal, with the reason. */
export interface NothingPersonal {
  readonly holdsNothing: string;
}

export const nothingPersonal = (because: string): NothingPersonal => ({ holdsNothing: because });

/**
 * What a service holds of people, by noun: one entry for each folder of its `src`. Nouns are erased in this order, so
 * what refers to something comes before it.
 */
export type Held<Client = unknown> = Readonly<Record<string, PersonalData<Client> | NothingPersonal>>;

/** What stands in a column that named a person who has been erased. */
export const erasedUserId = "erased";
