import type { Block, DocumentFacts } from "../document";
import type { ParseFailureCode } from "../failures";
import type { Limits } from "../limits";
import type { Passage, SplitOptions } from "../split";

/** A part on its way between processes: texts that `text` already holds are left out. */
export interface SentPart {
  start: number;
  text: string;
  blocks: Omit<Block, "text">[];
  passages: Passage[] | null;
  facts: DocumentFacts;
}

/**
 * To the reading process. It asks for each chunk beyond the beginning, and waits after each part but the last, so neither
 * side runs ahead of the other.
 */
export type ToReader =
  | {
      type: "READ";
      filename: string;
      limits: Limits;
      split: SplitOptions | null;
      beginning: Uint8Array;
      isWhole: boolean;
    }
  | { type: "CHUNK"; bytes: Uint8Array | null }
  | { type: "NEXT" };

export type FromReader =
  | { type: "READY" }
  | { type: "WANT_CHUNK" }
  | { type: "PART"; part: SentPart; isLast: boolean }
  | { type: "FAILED"; code: ParseFailureCode; message: string; detail: string }
  | { type: "FAULT"; message: string; stack: string };

/** How a reading process ends that takes too much memory. Not SIGKILL, which an operator or the system may send as well. */
export const memorySignal: NodeJS.Signals = process.platform === "win32" ? "SIGKILL" : "SIGUSR2";
