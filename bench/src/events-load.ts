import { handle, handleEvery, type Envelope, type EventTransport } from "@atrium/events";
import {
  accountChanged,
  changeAccount,
  eventually,
  type Context,
  type TestService,
} from "../../packages/events/src/testing/ledger";
import { perSecond } from "./statistics";

export const longMs = 300_000;

const tenantOf = (n: number, tenants: number) => ({
  organizationId: `org_${n % tenants}`,
  workspaceId: "wsp_1",
  userId: "usr_1",
});
export const noting = (done: (accountId: string, version: number) => void = () => {}) =>
  handle(accountChanged, async ({ db }: Context, { accountId, version }) => {
    await db.sql("insert into effect (organization_id, subject, note) values ($1, $2, $3)", [
      db.tenant.organizationId,
      accountId,
      version,
    ]);
    db.afterCommit(() => done(accountId, version));
  });

/** Notes everything that is heard, with one statement a batch. */
export const notingEverything = (done: (envelopes: readonly Envelope[]) => void) =>
  handleEvery(async ({ db }: Context, envelopes) => {
    await db.sql(
      `insert into effect (organization_id, subject, note)
       select * from unnest($1::text[], $2::text[], $3::text[])`,
      [
        envelopes.map(({ organizationid }) => organizationid),
        envelopes.map(({ subject }) => subject),
        envelopes.map(({ data }) => String((data as { version: number }).version)),
      ],
    );
    db.afterCommit(() => done(envelopes));
  });

/** Puts events into an outbox, as if they had just been committed: version by version of 40 accounts a tenant. */
export async function fill({ database }: TestService, tenants: number, count: number): Promise<void> {
  await database.asService().transaction(
    (tx) =>
      tx.sql(
        `insert into outbox_event (id, type, subject, time, organization_id, workspace_id, actor_id, data, size_bytes)
         select uuidv7(), $1, 'acc_' || n % (40 * $2), now(), 'org_' || n % $2, 'wsp_1', 'usr_1',
           json_build_object('accountId', 'acc_' || n % (40 * $2), 'version', n / (40 * $2) + 1,
             'note', repeat('x', 100)), 500
         from generate_series(0, $3 - 1) as n`,
        [accountChanged.type, tenants, count],
      ),
    { timeoutMs: longMs },
  );
}

/** From a full outbox to the last effect; every event's effect has to be there once, and in order. */
export async function drain(
  { ledger, reports, transport, relay }: Party,
  { count, tenants, everything = false }: { count: number; tenants: number; everything?: boolean },
) {
  await fill(ledger, tenants, count);
  let handled = 0;
  const done = (more = 1) => (handled += more);
  const from = performance.now();
  await reports.run(transport, [everything ? notingEverything(({ length }) => done(length)) : noting(() => done())]);
  await relay();
  const isEmpty = async () => {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const [row] = await ledger.database
      .asService()
      .sql<{ empty: boolean }>("select not exists (select from outbox_event) as empty");
    return row!.empty;
  };
  await eventually(isEmpty, Boolean, longMs);
  const published = performance.now() - from;
  await eventually(
    async () => handled,
    (n) => n >= count,
    longMs,
  );
  const tookMs = performance.now() - from;
  await assertOnceAndInOrder(reports, count);
  return { tookMs, publishedMs: published };
}

async function assertOnceAndInOrder({ database }: TestService, count: number): Promise<void> {
  const [row] = await database.asService().sql<{ effects: number; wrong: number }>(
    `select count(*)::integer as effects, count(*) filter (where note::integer <> nth)::integer as wrong
     from (select note, row_number() over (partition by organization_id, subject order by id) as nth from effect) as noted`,
  );
  if (row!.effects !== count || row!.wrong > 0) throw new Error(`lost, doubled or disordered: ${JSON.stringify(row)}`);
}

export interface Party {
  ledger: TestService;
  reports: TestService;
  transport: EventTransport;
  /** Starts the relay of `ledger`. */
  relay(): Promise<unknown>;
  /** Writes in the process that relays, as a service does. */
  write(load: Load): Promise<Commits>;
}

export interface Load {
  /** How the accounts are named that it changes, one after the other. */
  name: string;
  perSecond: number;
  seconds: number;
  perTransaction: number;
}

/** When which accounts' changes were committed, by `clock`. */
export type Commits = [accountIds: string[], at: number][];

/** Milliseconds that processes of this machine have in common. */
const clock = () => performance.timeOrigin + performance.now();

/** Appends, one a transaction, while it is handled. */
export async function live({ ledger, reports, transport, relay }: Party, count: number) {
  let handled = 0;
  await reports.run(transport, [noting(() => handled++)]);
  await relay();
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

/** Changes accounts at a steady rate, whether or not the database keeps up. */
export async function write({ database }: Pick<TestService, "database">, load: Load): Promise<Commits> {
  const { name, perSecond, seconds, perTransaction } = load;
  const commits: Commits = [];
  const writes: Promise<unknown>[] = [];
  const from = performance.now();
  for (let n = 0; n < perSecond * seconds; n += perTransaction) {
    const due = from + (n * 1_000) / perSecond;
    if (due > performance.now()) await new Promise((resolve) => setTimeout(resolve, due - performance.now()));
    const accountIds = Array.from({ length: perTransaction }, (_, i) => `acc_${name}_${n + i}`);
    writes.push(
      database.as(tenantOf(n / perTransaction, 50)).transaction(async (tx) => {
        for (const accountId of accountIds) await changeAccount(tx, accountId);
        tx.afterCommit(() => void commits.push([accountIds, clock()]));
      }),
    );
  }
  await Promise.all(writes);
  return commits;
}

const warmUpSeconds = 5;

/**
 * How long it takes from a commit to the commit of its effect, in milliseconds, at `perSecond` a second; after a warm-up
 * at the same rate, in which a group of consumers has divided its partitions.
 */
export async function latency(
  { reports, transport, relay, write }: Party,
  perSecond: number,
  seconds: number,
  { perTransaction = 1, everything = false } = {},
): Promise<number[]> {
  const handledAt = new Map<string, number>();
  const done = (accountId: string) => void handledAt.set(accountId, clock());
  const notingAll = () => notingEverything((envelopes) => envelopes.forEach(({ subject }) => done(subject)));
  await reports.run(transport, [everything ? notingAll() : noting(done)]);
  await relay();
  const measure = async (load: Load) => {
    handledAt.clear();
    const commits = await write(load);
    const isHandled = async () => handledAt.size >= load.perSecond * load.seconds;
    await eventually(isHandled, Boolean, longMs);
    return commits.flatMap(([accountIds, at]) => accountIds.map((accountId) => handledAt.get(accountId)! - at));
  };
  await measure({ name: "warm", perSecond, seconds: warmUpSeconds, perTransaction });
  return measure({ name: "measured", perSecond, seconds, perTransaction });
}
