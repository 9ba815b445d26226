/** A copy of everything that is held of a person. */
export interface DataExport {
  id: string;
  userId: string;
  format: ExportFormat;
  categories: string[];
  status: ExportStatus;
  requestedAt: Date;
  completedAt: Date | null;
  availableUntil: Date | null;
  /** Of the file as it is fetched. */
  sizeBytes: number | null;
  sha256: string | null;
}

export const exportFormats = {
  ZIP: "An archive with a JSON file for each kind of record, and a manifest.",
  JSON: "One JSON document, the manifest first.",
} as const;
export type ExportFormat = keyof typeof exportFormats;

export const exportStatuses = {
  COLLECTING: "The services collect their parts.",
  ASSEMBLING: "The parts are being put together.",
  READY: "The file can be fetched.",
  EXPIRED: "The time to fetch it has passed; the file is gone.",
  FAILED: "The parts couldn't be put together. Ask for another one.",
} as const;
export type ExportStatus = keyof typeof exportStatuses;

/** What one service contributes. */
export interface ExportPart {
  service: string;
  status: PartStatus;
  attempt: number;
  askedAt: Date;
  nouns: ExportedNoun[];
}

export const partStatuses = {
  WAITING: "The service was asked and hasn't answered yet.",
  ARRIVED: "The service has answered.",
  MISSING: "The service didn't answer, however often it was asked, or its part can't be read.",
} as const;
export type PartStatus = keyof typeof partStatuses;

/** The records of one noun, in a sealed file. */
export interface ExportedNoun {
  noun: string;
  holds: string;
  category: string;
  legalBasis: string;
  records: number;
  blobKey: string;
  sha256: string;
  sizeBytes: number;
}

export const RequestDataExportRefusal = {
  UNDER_WAY: "Your last request is still being worked on.",
} as const;
export type RequestDataExportRefusal = keyof typeof RequestDataExportRefusal;

/** What an export takes where every service answers at once, and some more. */
export const usualMinutes = 5;

/** What is to be done about parts that should have arrived: ask those again, and give those up. */
export function overdue<Part extends { attempt: number; service: string }>(
  parts: readonly Part[],
  attemptsMax: number,
): { again: Part[]; missing: Part[] } {
  return {
    again: parts.filter(({ attempt }) => attempt < attemptsMax),
    missing: parts.filter(({ attempt }) => attempt >= attemptsMax),
  };
}

export const archivePrefix = (exportId: string) => `exports/${exportId}`;
export const archiveKey = (exportId: string) => `${archivePrefix(exportId)}/archive`;
