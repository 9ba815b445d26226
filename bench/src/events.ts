import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { migrate, provisionDatabase, startEmbeddedPostgres } from "@atrium/database";
import { embeddedTransport, eventsBase, handle, type EventTransport } from "@atrium/events";
import {
  accountChanged,
  changeAccount,
  effects,
  eventually,
  log,
  openService,
  type Context,
  type TestService,
} from "../../packages/events/src/testing/ledger";
import { root } from "./house";
import { perSecond, rounded, spread } from "./statistics";
import type { Measure } from "./table";

const migrations = path.join(root, "packages/events/prisma/migrations");

/** How fast events get from a commit to their handlers' commits, on an embedded PostgreSQL that really writes to disk. */
export const events: Measure = async (say) => {
  const directory = mkdtempSync(path.join(tmpdir(), "atrium-bench-"));
  chmodSync(directory, 0o755); // run by root, the server is another user's
  const server = await startEmbeddedPostgres({ directory: path.join(directory, "postgres"), log });
  let databases = 0;
  const open = async (name: string) => {
    const urls = await provisionDatabase(server.adminUrl, `${name}_${++databases}`);
    await migrate({ ...urls, directory: migrations, base: [eventsBase] });
    return openService(name, urls.appUrl);
  };
  const withServices = async <T>(
    measure: (ledger: TestService, reports: TestService, transport: EventTransport) => Promise<T>,
  ) => {
    const [ledger, reports] = [await open("ledger"), await open("reports")];
    try {
      return await measure(ledger, reports, embeddedTransport({ groups: ["ledger", "reports"] }));
    } finally {
      await Promise.all([ledger.close(), reports.close()]);
    }
  };
  try {
    say("warming up");
    await withServices((...services) => drain(...services, 10, 3_000));
    const figures = [];
    for (const tenants of [1, 1_000]) {
      say(`20,000 events of ${tenants} tenants`);
      const value = await withServices((...services) => drain(...services, tenants, 20_000));
      figures.push({ what: `events, outbox → handled, 20,000 waiting, ${rounded(tenants)} tenant(s)`, value });
    }
    say("appended and handled at once");
    const value = await withServices((...services) => live(...services, 10_000));
    figures.push({ what: "events appended one a transaction and handled meanwhile", value });
    say("200 a second");
    const late = await withServices((...services) => latency(...services, 200, 8));
    figures.push({ what: "events, commit → handled, 200 a second", value: spread(late) });
    return figures;
  } finally {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
};

const tenantOf = (n: number, tenants: number) => ({
  organizationId: `org_${n % tenants}`,
  workspaceId: "wsp_1",
  userId: "usr_1",
});
const noting = (done: (accountId: string, version: number) => void = () => {}) =>
  handle(accountChanged, async ({ db }: Context, { accountId, version }) => {
    await db.sql("insert into effect (organization_id, subject, note) values ($1, $2, $3)", [
      db.tenant.organizationId,
      accountId,
      version,
    ]);
    db.afterCommit(() => done(accountId, version));
  });

async function drain(
  ledger: TestService,
  reports: TestService,
  transport: EventTransport,
  tenants: number,
  count: number,
) {
  const perTransaction = 50;
  for (let n = 0; n < count / perTransaction; n++)
    await ledger.database.as(tenantOf(n, tenants)).transaction(async (tx) => {
      for (let i = 0; i < perTransaction; i++) await changeAccount(tx, `acc_${n % tenants}_${i}_${n % 40}`);
    });
  const from = performance.now();
  let handled = 0;
  await reports.run(transport, [noting(() => handled++)]);
  const relay = await ledger.run(transport);
  await eventually(
    async () => (await relay.stats()).published,
    (published) => published >= count,
    60_000,
  );
  const published = performance.now() - from;
  await eventually(
    async () => handled,
    (n) => n >= count,
    120_000,
  );
  const took = performance.now() - from;
  if ((await effects(reports)).length !== count) throw new Error("lost or doubled");
  return `${perSecond(count, took)} end to end; published after ${Math.round(published)} ms of ${Math.round(took)}`;
}

async function live(ledger: TestService, reports: TestService, transport: EventTransport, count: number) {
  let handled = 0;
  await reports.run(transport, [noting(() => handled++)]);
  await ledger.run(transport);
  const from = performance.now();
  let begun = 0;
  const writers = Array.from({ length: 8 }, async (_, writer) => {
    while (begun++ < count)
      await ledger.database
        .as(tenantOf(writer, 8))
        .transaction((tx) => changeAccount(tx, `acc_${writer}_${begun % 50}`));
  });
  await Promise.all(writers);
  const appended = performance.now() - from;
  await eventually(
    async () => handled,
    (n) => n >= count,
    60_000,
  );
  return `${perSecond(count, appended)} committed, ${perSecond(count, performance.now() - from)} handled`;
}

async function latency(
  ledger: TestService,
  reports: TestService,
  transport: EventTransport,
  rate: number,
  seconds: number,
) {
  const committedAt = new Map<string, number>();
  const latencies: number[] = [];
  await reports.run(transport, [
    noting((accountId) => latencies.push(performance.now() - (committedAt.get(accountId) ?? performance.now()))),
  ]);
  await ledger.run(transport);
  const writes: Promise<unknown>[] = [];
  const from = performance.now();
  for (let n = 0; n < rate * seconds; n++) {
    const due = from + (n * 1_000) / rate;
    if (due > performance.now()) await new Promise((resolve) => setTimeout(resolve, due - performance.now()));
    const accountId = `acc_${n}`;
    writes.push(
      ledger.database.as(tenantOf(n, 50)).transaction(async (tx) => {
        await changeAccount(tx, accountId);
        tx.afterCommit(() => committedAt.set(accountId, performance.now()));
      }),
    );
  }
  await Promise.all(writes);
  await eventually(
    async () => latencies,
    ({ length }) => length >= rate * seconds,
  );
  return latencies;
}
