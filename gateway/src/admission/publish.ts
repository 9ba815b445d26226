import { Supergraph } from "@apollo/federation-internals";
import { parse, validate } from "graphql";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { supergraphFile } from "../supergraph-file";
import { readManifest, type Manifest } from "./persisted";

const usage = `npm run operations -- publish FILE

  FILE  a manifest in Apollo's format: { "format": "apollo-persisted-query-manifest", "version": 1, "operations": [...] }
`;

/**
 * Adds the operations of a manifest to those that the gateway knows. Each has to be valid for the graph, and an id that
 * is a hash has to be its text's; otherwise nothing is written. Returns the exit code.
 */
export function publishOperations([verb, file]: readonly string[], target: string): number {
  if (verb !== "publish" || file === undefined) {
    process.stderr.write(usage);
    return 1;
  }
  try {
    const { operations } = readManifest(readFileSync(file, "utf8"), file);
    const faults = faultsOf(operations);
    if (faults.length > 0) throw new Error(`${file} isn't published:\n${faults.map((each) => `  ${each}`).join("\n")}`);
    const known = existsSync(target) ? readManifest(readFileSync(target, "utf8"), target).operations : [];
    const keyOf = ({ id, clientName }: Manifest["operations"][number]) => JSON.stringify([id, clientName ?? null]);
    const all = new Map([...known, ...operations].map((each) => [keyOf(each), each]));
    const manifest: Manifest = { format: "apollo-persisted-query-manifest", version: 1, operations: [...all.values()] };
    mkdirSync(path.dirname(target), { recursive: true });
    // Whoever reads it meanwhile reads the old one or the new one, whole.
    writeFileSync(`${target}.new`, `${JSON.stringify(manifest, null, 2)}\n`);
    renameSync(`${target}.new`, target);
    process.stdout.write(`${operations.length} operations published; ${all.size} are known in ${target}.\n`);
    return 0;
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    return 1;
  }
}

function faultsOf(operations: Manifest["operations"]): string[] {
  const schema = Supergraph.build(readFileSync(supergraphFile, "utf8"), { supportedFeatures: null })
    .apiSchema()
    .toGraphQLJSSchema({ includeDefer: true });
  return operations.flatMap(({ id, name, body }) => {
    const called = `${name ?? id}: `;
    const isHash = /^[0-9a-f]{64}$/.test(id);
    if (isHash && createHash("sha256").update(body).digest("hex") !== id) return [`${called}the id isn't its SHA-256`];
    try {
      return validate(schema, parse(body)).map(({ message }) => called + message);
    } catch (error) {
      return [called + (error as Error).message];
    }
  });
}
