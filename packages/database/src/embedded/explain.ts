import path from "node:path";
import { EmbeddedPostgresError } from "./binaries";

const diskFull = (directory: string) =>
  `The disk is full: the database in ${directory} can't be written; free some space and start again.`;

/** What PostgreSQL says when it gives up, and the sentence for people; `what` is the first group of the pattern. */
const known: readonly [pattern: RegExp, sentence: (directory: string, what: string) => string][] = [
  [/No space left on device|Disk quota exceeded/, diskFull],
  [
    /error while loading shared libraries: (\S+?):/,
    (_, library) =>
      `PostgreSQL needs the library ${library}, which this machine lacks; install it with the system's package manager.`,
  ],
  [
    /initialized by PostgreSQL version (\S+),/,
    (directory, version) =>
      `The data in ${directory} was made by PostgreSQL ${version}, which isn't the version installed here; start it with that version, or run "npm run reset" to begin anew.`,
  ],
  [
    /could not map anonymous shared memory|could not create shared memory segment|could not fork|out of memory/,
    () => "There isn't enough memory to start PostgreSQL (it needs about 150 MB); close something and start again.",
  ],
];

/** One sentence for what PostgreSQL said before it gave up. */
export function explainFailure(said: string, directory: string): EmbeddedPostgresError {
  for (const [pattern, sentence] of known) {
    const match = pattern.exec(said);
    if (match) return new EmbeddedPostgresError(sentence(directory, match[1] ?? ""), { cause: said });
  }
  const lines = said.trim().split("\n");
  const cause = lines.findLast((line) => /FATAL|PANIC|error:/.test(line)) ?? lines.at(-1);
  const words = cause?.replace(/^.*?(FATAL|PANIC|error):\s*/, "") || "it said nothing";
  return new EmbeddedPostgresError(`PostgreSQL didn't start: ${words} (see ${path.join(directory, "server.log")}).`, {
    cause: said,
  });
}

/** One sentence for an error of the operating system, where there is one. */
export function explainSystemError(error: unknown, directory: string): EmbeddedPostgresError | null {
  const { code = "", path: where = directory, syscall = "" } = error as NodeJS.ErrnoException;
  const sentence = syscall.startsWith("spawn") ? notRunnable(code, where) : notWritable(code, where, directory);
  return sentence ? new EmbeddedPostgresError(sentence, { cause: error }) : null;
}

function notRunnable(code: string, program: string): string | null {
  if (code === "EACCES") return `The user that PostgreSQL runs as may not start ${program}; make its folders readable.`;
  // The file is there: what is missing is the loader that it names, glibc's.
  if (code === "ENOENT") return `PostgreSQL from npm doesn't run on this system (${program} needs glibc).`;
  return null;
}

function notWritable(code: string, where: string, directory: string): string | null {
  if (code === "ENOSPC" || code === "EDQUOT") return diskFull(directory);
  if (code === "EROFS") return `${where} can't be written: its disk is read-only.`;
  if (code === "EACCES" || code === "EPERM") return `${where} can't be written: it belongs to another user.`;
  return null;
}
