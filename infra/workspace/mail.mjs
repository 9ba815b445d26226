// `npm run mail`: shows the mails that wait in the outbox of the installation that runs here, newest last. Nothing
// delivers them yet, so the operator passes them on.
import { createRequire } from "node:module";
import path from "node:path";
import { command, prepare, root, Unprepared } from "./prepare.mjs";

await command(async () => {
  await prepare();
  const data = path.resolve(root, process.env.ATRIUM_DATA ?? ".atrium");
  const required = createRequire(path.join(root, "packages/database/package.json"));
  const { runningEmbeddedPostgres } = required(path.join(root, "packages/database/dist/index.js"));
  const address = runningEmbeddedPostgres(path.join(data, "postgres"));
  if (!address) throw new Unprepared(`Atrium isn't running on ${data}. Start it first: npm start`);
  const { Client } = required("pg");
  const client = new Client(Object.assign(new URL(address), { pathname: "/atrium_identity" }).href);
  await client.connect();
  const { rows } = await client.query("select recipient, subject, text, created_at from mail order by created_at, id");
  await client.end();
  if (rows.length === 0) console.log("The outbox is empty.");
  for (const { recipient, subject, text, created_at } of rows)
    console.log(`${created_at.toISOString()}  To: ${recipient}\nSubject: ${subject}\n\n${text}\n${"—".repeat(60)}`);
});
