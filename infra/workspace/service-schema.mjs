// Which workspaces have a Prisma schema, and what is wrong with their migrations. Works on what `prepare` has built.
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { workspaces } from "./prepare.mjs";

/** Packages that keep tables in a service's database, and what they export the scripts as. */
const tableKeepers = { "@atrium/events": "eventsBase", "@atrium/personal-data": "personalDataBase" };

/** The folders with a `prisma/schema.prisma`: every service that has a database, and the database package's example. */
export const workspacesWithSchema = () =>
  workspaces().filter((folder) => existsSync(path.join(folder, "prisma/schema.prisma")));

export async function reviewMigrations(workspace) {
  const { reviewSchema } = createRequire(import.meta.url)("../../packages/database/dist/testing/schema-review.js");
  const { name: own, dependencies = {} } = JSON.parse(readFileSync(path.join(workspace, "package.json"), "utf8"));
  const required = createRequire(path.join(workspace, "package.json"));
  const base = Object.entries(tableKeepers)
    .filter(([name]) => name === own || name in dependencies)
    .flatMap(([name, script]) => required(name)[script]);
  return reviewSchema({ prisma: path.join(workspace, "prisma"), base }).catch((error) => {
    console.error(`${path.basename(workspace)}: ${error.message}`); // the engine's message shows the line at fault
    process.exit(1);
  });
}
