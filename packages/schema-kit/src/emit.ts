import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { SubgraphSchema } from "./build";
import { breakingChanges } from "./compatibility";
import { lintDescriptions } from "./lint";

/** What stands between a schema and being committed or deployed; empty when nothing does. */
export function checkSchema(
  { schema, sdl }: SubgraphSchema,
  { file, against = "HEAD" }: { file: string; against?: string },
): string[] {
  const committed = existsSync(file) ? readFileSync(file, "utf8") : null;
  const published = publishedSdl(file, against) ?? committed;
  return [
    ...lintDescriptions(schema).map((coordinate) => `${coordinate} has no description.`),
    ...(committed === sdl ? [] : [`${path.relative(process.cwd(), file)} is not what the code says; emit it again.`]),
    ...(published === null ? [] : breakingChanges(published, sdl).map((change) => `Breaking: ${change}`)),
  ];
}

/**
 * The whole of a service's emit script: writes the schema to `file`, or, with `--check` among the arguments, says what
 * is wrong with what is committed and ends the process with 1. `--against REF` names the version of the repository
 * that the schema must be compatible with (HEAD).
 */
export function emitSchema(
  schema: SubgraphSchema,
  file: string,
  args: readonly string[] = process.argv.slice(2),
): void {
  if (!args.includes("--check")) {
    writeFileSync(file, schema.sdl);
    return;
  }
  const faults = checkSchema(schema, { file, against: args[args.indexOf("--against") + 1 || args.length] });
  for (const fault of faults) process.stderr.write(`${fault}\n`);
  if (faults.length > 0) process.exitCode = 1;
}

/** The file as the repository has it at `reference`; null where there is none, or no repository. */
function publishedSdl(file: string, reference: string): string | null {
  try {
    return execFileSync("git", ["show", `${reference}:./${path.basename(file)}`], {
      cwd: path.dirname(file),
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
  } catch {
    return null;
  }
}
