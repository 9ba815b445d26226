// `npm run schema` writes every service's schema.graphql as its code has it, and the supergraph that they compose to.
// With --check it writes nothing and fails on a difference, on a missing description, and on what would break clients
// of the version before: of the main branch for a branch of one's own, of the commit before on the main branch itself.
import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { command, prepare, root, workspaces } from "./prepare.mjs";

const require = createRequire(import.meta.url);
const built = (workspace, file) => require(path.join(root, workspace, "dist", file));

await command(async () => {
  await prepare();
  const check = process.argv.includes("--check");
  const { checkSchema } = built("packages/schema-kit", "index.js");
  const against = check ? versionBefore() : null;
  const faults = [];
  for (const service of services()) {
    const { schema } = require(path.join(service, "dist/schema.js"));
    const file = path.join(service, "schema.graphql");
    if (check)
      faults.push(...checkSchema(schema, { file, against }).map((fault) => `${path.basename(service)}: ${fault}`));
    else writeFileSync(file, schema.sdl);
  }
  if (faults.length > 0) console.error(`${faults.join("\n")}\n\nnpm run schema writes the schemas; commit them.`);
  const { compose } = built("gateway", "compose.js");
  const outputFile = path.join(root, "gateway/supergraph.graphql");
  const composed = compose({ servicesDirectory: path.join(root, "services"), outputFile, check });
  process.exitCode = faults.length > 0 ? 1 : composed;
});

function services() {
  return workspaces().filter((folder) => existsSync(path.join(folder, "src/emit-schema.ts")));
}

/** The commit whose clients may not be broken; HEAD where the repository knows no other. */
function versionBefore() {
  const head = commit("rev-parse", "HEAD");
  for (const branch of ["origin/main", "main"]) {
    const shared = commit("merge-base", "HEAD", branch);
    if (shared && shared !== head) return shared;
  }
  return commit("rev-parse", "--verify", "--quiet", "HEAD^1") ?? "HEAD";
}

function commit(...args) {
  try {
    return execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return null;
  }
}
