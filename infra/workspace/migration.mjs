// Writes the next migration of a service from its schema.prisma: `npm run migration -- SERVICE NAME`.
// What Prisma can't say (policies, checks, functions) is added to the file by hand.
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { reviewMigrations, workspacesWithSchema } from "./service-schema.mjs";

const [service, name] = process.argv.slice(2);
const workspace = workspacesWithSchema().find((folder) => path.basename(folder) === service);
if (!workspace || !/^[a-z][a-z0-9_]*$/.test(name ?? "")) {
  const services = workspacesWithSchema().map((folder) => path.basename(folder));
  console.error(
    `Usage: npm run migration -- SERVICE NAME\nSERVICE is one of ${services.join(", ")}; NAME is like add_due_date.`,
  );
  process.exit(1);
}

const { missing } = await reviewMigrations(workspace);
if (!missing) {
  console.log("schema.prisma agrees with the migrations: nothing to write.");
  process.exit();
}
const timestamp = new Date().toISOString().replace(/\D/g, "").slice(0, 14);
const folder = path.join(workspace, "prisma/migrations", `${timestamp}_${name}`);
mkdirSync(folder, { recursive: true });
const policies = /create table/i.test(missing)
  ? "-- Every table of a tenant needs row-level security, ENABLE and FORCE, and a policy with USING and WITH CHECK.\n"
  : "";
writeFileSync(path.join(folder, "migration.sql"), policies + missing.trimEnd() + "\n");
console.log(`Written: ${path.relative(process.cwd(), path.join(folder, "migration.sql"))}`);
