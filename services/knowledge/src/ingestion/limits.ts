const MB = 1024 * 1024;

/** What one document may cost. Past a limit reading ends with `TOO_LARGE` or `TIMED_OUT`. */
export interface Limits {
  /** Of the file as it was uploaded. */
  fileBytes: number;
  /** Of a file that has to be in memory as a whole: everything but TXT, CSV and JSON Lines. */
  wholeFileBytes: number;
  /** Of all parts of an archive (DOCX, PPTX, XLSX) together, unpacked. */
  expandedBytes: number;
  /** Unpacked to packed, for an archive that unpacks to more than `expansionFreeBytes`. */
  expansionRatio: number;
  expansionFreeBytes: number;
  archiveEntries: number;
  /** Of the canonical text. */
  textCharacters: number;
  pages: number;
  /** Of one record of a CSV or JSON Lines file. */
  recordCharacters: number;
  /** Time that the reading process works, without the time in which it waits for its caller. */
  workingMs: number;
  /** Of the whole reading process, buffers included. */
  processBytes: number;
}

export const defaultLimits: Limits = {
  fileBytes: 512 * MB,
  wholeFileBytes: 100 * MB,
  expandedBytes: 256 * MB,
  expansionRatio: 200,
  expansionFreeBytes: 16 * MB,
  archiveEntries: 10_000,
  textCharacters: 512 * MB,
  pages: 5_000,
  recordCharacters: 1_000_000,
  workingMs: 120_000,
  processBytes: 1024 * MB,
};

/** `12345678` as `11.8 MB`. */
export function megabytes(bytes: number): string {
  return bytes < 10 * MB
    ? `${Math.round((bytes / MB) * 10) / 10} MB`
    : `${Math.round(bytes / MB).toLocaleString("en")} MB`;
}
