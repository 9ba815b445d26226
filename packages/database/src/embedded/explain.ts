import path from "node:path";
import { EmbeddedPostgresError } from "./binaries";

const diskFull = (directory: string) =>
  `The disk is full: the database in ${directory} can't be written; free some space and start again.`;

/** One sentence for what PostgreSQL said before it gave up. */
export function explainFailure(said: string, directory: string): EmbeddedPostgresError {
  const missingLibrary =
    /error while loading shared libraries: (\S+?):|cannot open shared object file.*?(\S+\.so[.\d]*)/.exec(said);
  const madeBy = /initialized by PostgreSQL version (\S+),/.exec(said);
  const cause = said
    .split("\n")
    .filter((line) => /FATAL|PANIC|error:/.test(line))
    .at(-1)
    ?.replace(/^.*?(FATAL|PANIC|error):\s*/, "");
  const sentence = /No space left on device|Disk quota exceeded/.test(said)
    ? diskFull(directory)
    : missingLibrary
      ? `PostgreSQL needs the library ${missingLibrary[1] ?? missingLibrary[2]}, which this machine lacks; install it with the system's package manager, or name a server in DATABASE_URL.`
      : madeBy
        ? `The data in ${directory} was made by PostgreSQL ${madeBy[1]}, which isn't the version installed here; start it with that version, or run "npm run reset" to begin anew.`
        : /could not map anonymous shared memory|could not create shared memory segment|could not fork/.test(said)
          ? "There isn't enough memory to start PostgreSQL (it needs about 150 MB); close something and start again."
          : `PostgreSQL didn't start: ${cause ?? (said.trim().split("\n").at(-1) || "it said nothing")} (see ${path.join(directory, "server.log")}).`;
  return new EmbeddedPostgresError(sentence, { cause: said });
}

/** One sentence for an error of the operating system, where there is one. */
export function explainSystemError(error: unknown, directory: string): EmbeddedPostgresError | null {
  const { code, path: where = directory, syscall = "" } = error as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT") return new EmbeddedPostgresError(diskFull(directory), { cause: error });
  if (code === "EROFS")
    return new EmbeddedPostgresError(`${where} can't be written: its disk is read-only.`, { cause: error });
  if (code === "EACCES" && syscall.startsWith("spawn"))
    return new EmbeddedPostgresError(
      `The user that PostgreSQL runs as may not start ${where}; make its folders readable.`,
      { cause: error },
    );
  if (code === "EACCES" || code === "EPERM")
    return new EmbeddedPostgresError(`${where} can't be written: it belongs to another user.`, { cause: error });
  return null;
}
