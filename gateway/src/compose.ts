// Composes services/*/schema.graphql into gateway/supergraph.graphql. With --check it writes nothing and fails when the
// committed file isn't what composition gives.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { CompositionError, composeSupergraph, type SubgraphSchema } from "./composition";
import { supergraphFile } from "./supergraph-file";

/** Every `schema.graphql` under `directory`; a service that has none yet isn't part of the graph. */
export function readSubgraphSchemas(directory: string): SubgraphSchema[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => ({ name: entry.name, file: path.join(directory, entry.name, "schema.graphql") }))
    .filter(({ file }) => existsSync(file))
    .map(({ name, file }) => ({ name, file: path.relative(process.cwd(), file), sdl: readFileSync(file, "utf8") }));
}

/** Returns the process's exit code. */
export function compose({
  servicesDirectory,
  outputFile,
  check,
}: {
  servicesDirectory: string;
  outputFile: string;
  check: boolean;
}): number {
  try {
    const { supergraph } = composeSupergraph(readSubgraphSchemas(servicesDirectory));
    const committed = existsSync(outputFile) ? readFileSync(outputFile, "utf8") : "";
    const place = path.relative(process.cwd(), outputFile);
    if (committed === supergraph) {
      process.stdout.write(`${place} is up to date.\n`);
      return 0;
    }
    if (check) {
      process.stderr.write(
        `${place} isn't what the services' schemas compose to. Run \`pnpm compose\` and commit it.\n`,
      );
      return 1;
    }
    writeFileSync(outputFile, supergraph);
    process.stdout.write(`${place} written.\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof CompositionError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
}

if (require.main === module) {
  const servicesDirectory = path.resolve(__dirname, "../../services");
  process.exitCode = compose({
    servicesDirectory,
    outputFile: supergraphFile,
    check: process.argv.includes("--check"),
  });
}
