// Fails when a schema.prisma says what its migrations don't do, or a table isn't under row-level security:
// `npm run migrations:check`.
import path from "node:path";
import { command, prepare } from "./prepare.mjs";
import { reviewMigrations, workspacesWithSchema } from "./service-schema.mjs";

await command(async () => {
  await prepare();
  const faults = [];
  for (const workspace of workspacesWithSchema()) faults.push(...(await faultsOf(workspace)));
  if (faults.length > 0) console.error(faults.join("\n"));
  else console.log("Every schema.prisma agrees with its migrations, and every table is under row-level security.");
  process.exitCode = faults.length > 0 ? 1 : 0;
});

async function faultsOf(workspace) {
  const name = path.basename(workspace);
  const { missing, unprotected } = await reviewMigrations(workspace);
  const faults = unprotected.map(
    (table) => `${name}: table ${table} needs row-level security, enabled and forced, and a policy.`,
  );
  if (missing) faults.push(`${name}: the migrations lack (npm run migration -- ${name} NAME writes it):\n\n${missing}`);
  return faults;
}
