// Writes the next migration of a service from its schema.prisma: `npm run migration -- SERVICE NAME`.
// What Prisma can't say (policies, checks, functions) is added to the file by hand.
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { command, prepare, root, Unprepared } from "./prepare.mjs";
import { reviewMigrations, workspacesWithSchema } from "./service-schema.mjs";

const [service, name] = process.argv.slice(2);
const reminder =
  "-- Give every new table row-level security, ENABLE and FORCE, and a policy with USING and WITH CHECK.\n";

await command(async () => {
  const workspace = workspacesWithSchema().find((folder) => path.basename(folder) === service);
  if (!workspace || !/^[a-z][a-z0-9_]*$/.test(name ?? "")) throw new Unprepared(usage());
  await prepare();
  const { missing } = await reviewMigrations(workspace);
  if (!missing) return console.log("schema.prisma agrees with the migrations: nothing to write.");
  const timestamp = new Date().toISOString().replace(/\D/g, "").slice(0, 14);
  const file = path.join(workspace, "prisma/migrations", `${timestamp}_${name}`, "migration.sql");
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, (/create table/i.test(missing) ? reminder : "") + missing.trimEnd() + "\n");
  console.log(`Written: ${path.relative(root, file)}`);
});

function usage() {
  const services = workspacesWithSchema().map((folder) => path.basename(folder));
  return `Usage: npm run migration -- SERVICE NAME\nSERVICE is one of ${services.join(", ")}; NAME is like add_due_date.`;
}
