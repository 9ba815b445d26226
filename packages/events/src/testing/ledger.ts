import { AsyncLocalStorage } from "node:async_hooks";
import path from "node:path";
import { openDatabase, type Database, type Handle } from "@atrium/database";
import { testDatabase } from "@atrium/database/testing";
import { context, ROOT_CONTEXT, trace, TraceFlags, type ContextManager } from "@opentelemetry/api";
import { z } from "zod";
import {
  appendEvent,
  defineEvent,
  eventsBase,
  handle,
  runEvents,
  type Consumer,
  type EventTransport,
  type RunEventsOptions,
  type RunningEvents,
} from "..";
import { PrismaClient } from "../generated/prisma/client";

// Two services of these tests: `ledger` changes accounts and says so, `reports` hears it and notes it.

export type Db = Handle<PrismaClient>;
export interface Context {
  db: Db;
}

export const accountChanged = defineEvent("ledger.account.changed.v1", {
  subject: "accountId",
  data: { accountId: z.string(), version: z.number().int(), note: z.string().default("") },
});

export const ada = { organizationId: "org_a", workspaceId: "wsp_a", userId: "usr_ada" };
export const bob = { organizationId: "org_b", workspaceId: "wsp_b", userId: "usr_bob" };

export interface TestService {
  name: string;
  url: string;
  database: Database<PrismaClient>;
  /** Runs this service's events like a process of its own would; stopped with the service. */
  run(
    transport: EventTransport,
    consumers?: Consumer<Context>[],
    options?: Partial<RunEventsOptions<Context, Db>>,
  ): Promise<RunningEvents>;
  close(): Promise<void>;
}

export const log = { info() {}, warn() {}, error() {} };

export async function startService(name: string): Promise<TestService> {
  const home = await testDatabase("events_test", path.join(__dirname, "../../prisma/migrations"), {
    base: [eventsBase],
  });
  const service = openService(name, home.appUrl);
  return {
    ...service,
    async close() {
      await service.close();
      await home.drop();
    },
  };
}

export function openService(name: string, url: string): TestService {
  const database = openDatabase({ url, createClient: (adapter) => new PrismaClient({ adapter }) });
  const running: RunningEvents[] = [];
  return {
    name,
    url,
    database,
    async run(transport, consumers = [], options = {}) {
      const events = await runEvents<Context, Db>({
        service: name,
        url,
        database,
        transport,
        consumers,
        contextFor: (_, db) => ({ db }),
        log,
        retry: { attemptsMax: 3, firstDelayMs: 20 },
        ...options,
      });
      running.push(events);
      return events;
    },
    async close() {
      await Promise.all(running.map((each) => each.stop()));
      await database.close();
    },
  };
}

/** Changes an account: locks it, counts its version up, announces that. Returns the version. */
export async function changeAccount(tx: Db, accountId: string, note = ""): Promise<number> {
  const [account] = await tx.sql<{ version: number }>(
    `insert into account (organization_id, id, version) values ($1, $2, 1)
     on conflict (id) do update set version = account.version + 1 returning version`,
    [tx.tenant.organizationId, accountId],
  );
  await appendEvent(tx, accountChanged({ accountId, version: account!.version, note }));
  return account!.version;
}

export const change = (service: TestService, accountId: string, tenant = ada, note = "") =>
  service.database.as(tenant).transaction((tx) => changeAccount(tx, accountId, note));

type Interlude = (data: { accountId: string; version: number }) => unknown;

/** Notes every change as an effect, in the handler's own transaction. */
export const noteChanges = (before: Interlude = () => {}, after: Interlude = () => {}) =>
  handle(accountChanged, async ({ db }: Context, data) => {
    await before(data);
    await db.effect.create({
      data: { organizationId: db.tenant.organizationId!, subject: data.accountId, note: String(data.version) },
    });
    await after(data);
  });

/** `subject version` of every effect, in the order in which they happened. */
export async function effects({ database }: Pick<TestService, "database">, subject?: string): Promise<string[]> {
  const rows = await database
    .asService()
    .effect.findMany({ where: subject ? { subject } : {}, orderBy: { id: "asc" } });
  return rows.map((row) => `${row.subject} ${row.note}`);
}

export async function eventually<T>(
  read: () => Promise<T>,
  holds: (value: T) => boolean,
  withinMs = 10_000,
): Promise<T> {
  for (const deadline = Date.now() + withinMs; ;) {
    const value = await read();
    if (holds(value)) return value;
    if (Date.now() > deadline) throw new Error(`Not within ${withinMs} ms; last: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export const effectsOf = (service: Pick<TestService, "database">, count: number, subject?: string) =>
  eventually(
    () => effects(service, subject),
    (all) => all.length >= count,
  );

/** Does `work` within a span of this trace. */
export async function inTrace<T>(traceId: string, work: () => Promise<T>): Promise<T> {
  context.setGlobalContextManager(asyncContexts());
  const spanContext = { traceId, spanId: "b7ad6b7169203331", traceFlags: TraceFlags.SAMPLED };
  try {
    return await context.with(trace.setSpan(ROOT_CONTEXT, trace.wrapSpanContext(spanContext)), work);
  } finally {
    context.disable();
  }
}

// As the SDK's own, which this package doesn't depend on.
function asyncContexts(): ContextManager {
  const storage = new AsyncLocalStorage<typeof ROOT_CONTEXT>();
  const manager: ContextManager = {
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (active, work, self, ...args) => storage.run(active, () => work.apply(self as never, args)),
    bind: (_, target) => target,
    enable: () => manager,
    disable: () => manager,
  };
  return manager;
}
