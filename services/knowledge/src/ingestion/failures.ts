/** Why a document can't be taken in. One constant feeds the type, the standing message and the GraphQL enum. */
export const ParseFailures = {
  ENCRYPTED: "The file is protected by a password. Remove the password and upload the file again.",
  EMPTY: "There is no text in the file.",
  NO_TEXT:
    "The pages are pictures without text (a scan). Run text recognition (OCR) over the file and upload it again.",
  CORRUPT: "The file is damaged or cut off. Open it in the program it was made with, save it anew and upload it again.",
  UNSUPPORTED:
    "This kind of file can't be read. Upload PDF, DOCX, PPTX, XLSX, CSV, HTML, Markdown, TXT, RTF, EML or JSON.",
  TOO_LARGE: "The file, or what it expands to, is larger than is accepted. Split it and upload the parts.",
  TIMED_OUT: "Reading the file took longer than is allowed. Split it, or save it in a simpler format.",
} as const;

export type ParseFailureCode = keyof typeof ParseFailures;

/**
 * The document itself is at fault, and reading it again would end the same way. `message` may be shown to whoever
 * uploaded it: it says what is wrong and what to do. Anything else that reading throws is worth another attempt.
 */
export class ParseFailure extends Error {
  override readonly name = "ParseFailure";

  constructor(
    readonly code: ParseFailureCode,
    message: string = ParseFailures[code],
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
