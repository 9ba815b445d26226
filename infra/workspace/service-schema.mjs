// Which workspaces have a Prisma schema, and what is wrong with their migrations. Needs the sources of the packages:
// run with `node --import tsx --conditions=@atrium/source`.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const { reviewSchema } = createRequire(import.meta.url)("../../packages/database/src/testing/schema-review.ts");

/** Packages that keep tables in a service's database, and what they export the scripts as. */
const tableKeepers = { "@atrium/events": "eventsBase" };

/** Folders with `prisma/schema.prisma`: every service that has a database, and the package's own example. */
export function workspacesWithSchema() {
  const services = path.join(root, "services");
  const names = existsSync(services) ? readdirSync(services).map((name) => path.join(services, name)) : [];
  return [path.join(root, "packages/database"), ...names].filter((folder) =>
    existsSync(path.join(folder, "prisma/schema.prisma")),
  );
}

export async function reviewMigrations(workspace) {
  const { dependencies = {} } = JSON.parse(readFileSync(path.join(workspace, "package.json"), "utf8"));
  const required = createRequire(path.join(workspace, "package.json"));
  const base = Object.entries(tableKeepers)
    .filter(([name]) => name in dependencies)
    .flatMap(([name, script]) => required(name)[script]);
  return reviewSchema({ prisma: path.join(workspace, "prisma"), base }).catch((error) => {
    console.error(`${path.basename(workspace)}: ${error.message}`); // the engine's message shows the line at fault
    process.exit(1);
  });
}
