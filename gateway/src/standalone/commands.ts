import { writeFileSync } from "node:fs";
import pino from "pino";
import { openPersistedOperations } from "../admission/persisted";
import { CompositionError, composeSubgraphs } from "../composition";
import { contractOf } from "../graph/contracts";
import { openGraph } from "../graph/open-graph";
import type { Config } from "./config";
import { ConfigError } from "./config-file";
import { supergraphSource } from "./source";
import { readSchemaFiles, readSupergraphFile } from "./subgraph-files";
import { openTokens } from "./tokens";
import { addressesOf, strangersIn } from "./transports";

type Say = (text: string) => void;

/** Composes subgraphs' schemas into a supergraph, to a file or to `say`. Hints go to `warn`. */
export async function compose(o: {
  /** A `supergraph.yaml`, instead of schema files. */
  config?: string;
  files: readonly string[];
  output?: string;
  say: Say;
  warn: Say;
}): Promise<void> {
  if ((o.config === undefined) === (o.files.length === 0))
    throw new ConfigError("Name the subgraphs' schema files, or a supergraph.yaml by --config.");
  const subgraphs = o.config === undefined ? readSchemaFiles(o.files) : await readSupergraphFile(o.config);
  try {
    const { supergraph, hints } = composeSubgraphs(subgraphs);
    for (const hint of hints) o.warn(`${hint}\n`);
    if (o.output === undefined) return o.say(supergraph);
    writeFileSync(o.output, supergraph);
    o.warn(`${o.output} has ${subgraphs.length === 1 ? "one subgraph" : `${subgraphs.length} subgraphs`}.\n`);
  } catch (error) {
    throw error instanceof CompositionError ? new ConfigError(error.message) : error;
  }
}

/**
 * Whether the gateway would serve this: the supergraph, the configuration with it, and the files that it names. Rejects
 * with what is wrong. Nothing is asked but for the supergraph: what can be reached from here says little.
 */
export async function validate(o: { supergraph: string; config: Config; say: Say }): Promise<void> {
  const graph = await openGraph(await supergraphSource(o.supergraph, o.config.watchMs).read());
  try {
    const strangers = strangersIn(
      o.config,
      graph.subgraphs.map(({ name }) => name),
    );
    if (strangers.length > 0)
      throw new ConfigError(
        `The configuration names subgraphs that the supergraph doesn't have: ${strangers.join(", ")}.`,
      );
    for (const contract of o.config.contracts) contractOf(graph, contract);
    await readNamedFiles(o.config);
    const addresses = [...addressesOf(graph.subgraphs, o.config)].map(([name, url]) => `  ${name} at ${url}\n`);
    const types = Object.keys(graph.apiSchema.getTypeMap()).filter((name) => !name.startsWith("__")).length;
    o.say(`${o.supergraph} can be served: ${types} types of ${addresses.length} subgraphs.\n${addresses.join("")}`);
  } finally {
    await graph.close();
  }
}

async function readNamedFiles({ authentication, persistedOperations, watchMs }: Config): Promise<void> {
  const log = pino({ level: "silent" });
  openPersistedOperations({ ...persistedOperations, watchMs, log }).close();
  if (authentication && !/^https?:/.test(authentication.jwks)) (await openTokens(authentication, log)).close();
}
