import { EmbeddedPostgresError, MigrationError } from "@atrium/database";
import { SettingsError } from "@atrium/subgraph";

/** A start that can't succeed, for a reason that one sentence tells, with what to do about it. */
export class StartRefused extends Error {
  override readonly name = "StartRefused";
}

const isExplained = (error: unknown): error is Error =>
  [StartRefused, SettingsError, EmbeddedPostgresError, MigrationError].some((kind) => error instanceof kind);

/** The sentence for a failure whose cause is known, or null. */
export function sentenceFor(error: unknown): string | null {
  if (isExplained(error)) return error.message;
  if (!(error instanceof Error)) return null;
  const { code, path: where, message } = error as NodeJS.ErrnoException;
  // PostgreSQL's own code for it is 53100.
  if (code === "ENOSPC" || code === "EDQUOT" || code === "53100")
    return "The disk is full. Free some space and start again; nothing that was stored is lost.";
  if (code === "EROFS" || code === "EACCES" || code === "EPERM")
    return `This user may not write to ${where ?? "the data folder"}. Change its owner, or choose another folder: ATRIUM_DATA=FOLDER npm start`;
  if (code === "ENOTDIR" || code === "EEXIST")
    return `${where ?? "The data folder"} can't be a folder. Move away what is there, or choose another: ATRIUM_DATA=FOLDER npm start`;
  if (code === "EMFILE" || code === "ENFILE")
    return "Too many files are open. Allow more (ulimit -n 4096) and start again.";
  if (code === "MODULE_NOT_FOUND" || code === "ERR_MODULE_NOT_FOUND" || code === "ERR_DLOPEN_FAILED")
    return `A library is missing: ${message.split("\n")[0]}. Delete node_modules and run the same command again.`;
  return null;
}
