import type pg from "pg";
import type { Log } from "./log";
import { rowTypes, toParameter } from "./row-types";
import { assertTenantSafe } from "./statement";
import { settingsOf, type Tenant } from "./tenant";
import type { Scope, TenantPool } from "./tenant-pool";

/** A model's operations, without those that Prisma gathers from several callers into one query. */
type SafeDelegate<Delegate> = Omit<Delegate, "findUnique" | "findUniqueOrThrow">;

/** The models of a generated Prisma client, and its tagged-template queries. */
export type SafeModels<Client> = {
  readonly [Name in keyof Client as Client[Name] extends { findMany: unknown } ? Name : never]: SafeDelegate<
    Client[Name]
  >;
} & Pick<Client, Extract<keyof Client, "$queryRaw" | "$executeRaw">>;

export interface TransactionOptions {
  /** READ COMMITTED when absent. A serialization failure is the caller's to see and to retry. */
  isolation?: "RepeatableRead" | "Serializable";
  /** After this long the transaction is rolled back. 30 s when absent. */
  timeoutMs?: number;
}

export interface SqlHandle {
  /** For whom everything that this handle does is done. */
  readonly tenant: Tenant;
  /**
   * One statement by plain SQL, `$1` for the first value: for hot reads, locks and what Prisma can't say.
   * Rows have bigint as number (beyond 2^53 throws), numeric and date as text, timestamps as Date.
   */
  sql<Row extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Runs once the transaction is committed, never after a rollback; at once outside a transaction. */
  afterCommit(effect: () => void): void;
}

/** The database in one tenant's name. Nothing done through it reaches another tenant's rows. */
export type Handle<Client = unknown> = SafeModels<Client> &
  SqlHandle & {
    /**
     * Commits when `work` resolves, rolls back when it rejects. Called on the handle that `work` receives, it joins
     * the running transaction; when joined work rejects, all of it rolls back, also if somebody catches the error.
     */
    transaction<Result>(work: (tx: Handle<Client>) => Promise<Result>, options?: TransactionOptions): Promise<Result>;
  };

export interface RawClient {
  $transaction<Result>(work: (tx: object) => Promise<Result>, options: object): Promise<Result>;
  $disconnect(): Promise<void>;
}

const operations = [
  "findFirst",
  "findFirstOrThrow",
  "findMany",
  "create",
  "createMany",
  "createManyAndReturn",
  "update",
  "updateMany",
  "updateManyAndReturn",
  "upsert",
  "delete",
  "deleteMany",
  "count",
  "aggregate",
  "groupBy",
] as const;
const rawOperations = ["$queryRaw", "$executeRaw"];
/** Takes a template's strings, or a query made with `Prisma.sql`. */
type RawOperation = (
  query: readonly string[] | { readonly strings: readonly string[] },
  ...values: unknown[]
) => Promise<unknown>;

const transactionTimeoutMs = 30_000;

/** What every handle of one database shares. */
interface Source {
  readonly client: RawClient;
  readonly pool: TenantPool;
  readonly log: Log;
}

/** A transaction under way, shared by the handles that joined it. */
interface OpenTransaction {
  readonly client: object;
  readonly effects: (() => void)[];
  /** Set when joined work failed: it can only be rolled back from then on. */
  doomedBy?: { error: unknown };
}

export function makeHandle<Client>(source: Source, tenant: Tenant, service: boolean): Handle<Client> {
  const frozen = Object.freeze({ ...tenant });
  const settings = settingsOf(frozen, service ? "service" : "");
  return asHandle(new BoundHandle(source, frozen, () => ({ settings })));
}

class BoundHandle {
  readonly models = new Map<string, unknown>();

  constructor(
    private readonly source: Source,
    readonly tenant: Tenant,
    /** A new scope for each operation, or the one scope of a transaction. */
    private readonly scope: () => Scope,
    private readonly open?: OpenTransaction,
  ) {}

  sql = async <Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<Row[]> => {
    assertTenantSafe(text);
    const statement = { text, values: values.map(toParameter), types: rowTypes };
    return (await this.source.pool.send<Row>(this.scope(), statement)).rows;
  };

  afterCommit = (effect: () => void): void => {
    if (this.open) this.open.effects.push(effect);
    else effect();
  };

  transaction = async <Result>(
    work: (tx: Handle) => Promise<Result>,
    { isolation, timeoutMs = transactionTimeoutMs }: TransactionOptions = {},
  ): Promise<Result> => {
    if (this.open) return this.join(this.open, work);
    const { client, pool, log } = this.source;
    const scope = this.scope();
    const effects: (() => void)[] = [];
    const result = await pool.within(scope, () =>
      client.$transaction(
        async (txClient) => {
          const open: OpenTransaction = { client: txClient, effects };
          const answer = await work(asHandle(new BoundHandle(this.source, this.tenant, () => scope, open)));
          if (open.doomedBy) throw open.doomedBy.error;
          return answer;
        },
        { timeout: timeoutMs, maxWait: timeoutMs, ...(isolation && { isolationLevel: isolation }) },
      ),
    );
    for (const effect of effects) runEffect(effect, log);
    return result;
  };

  private async join<Result>(open: OpenTransaction, work: (tx: Handle) => Promise<Result>): Promise<Result> {
    try {
      return await work(asHandle(this));
    } catch (error) {
      open.doomedBy ??= { error };
      throw error;
    }
  }

  /** Prisma's `client[name]`, with each operation started inside this handle's scope; undefined for anything else. */
  member(name: string): unknown {
    if (this.models.has(name)) return this.models.get(name);
    const member = this.bind(name);
    this.models.set(name, member);
    return member;
  }

  private bind(name: string): unknown {
    const client = (this.open?.client ?? this.source.client) as Record<string, unknown>;
    if (rawOperations.includes(name)) return this.bindRaw(client[name] as RawOperation, client);
    const delegate = (name.startsWith("$") ? undefined : client[name]) as
      Record<string, (...args: unknown[]) => Promise<unknown>> | undefined;
    if (typeof delegate !== "object" || !delegate?.findMany) return undefined;
    const bound = operations.map((operation) => [
      operation,
      (...args: unknown[]) => this.start(() => delegate[operation]!(...args)),
    ]);
    return { ...Object.fromEntries(bound), fields: delegate.fields };
  }

  // Prisma's own BEGIN and COMMIT go the same way as these, so the pool can't tell them from ours.
  private bindRaw(operation: RawOperation, client: object): RawOperation {
    return async (query, ...values) => {
      assertTenantSafe(("strings" in query ? query.strings : query).join("$1"));
      return this.start(() => operation.call(client, query, ...values));
    };
  }

  // Prisma's promises begin when they are first awaited. That must happen here, in this handle's scope, and not
  // wherever the caller awaits.
  private start(operation: () => Promise<unknown>): Promise<unknown> {
    return this.source.pool.within(this.scope(), () => operation().then((result) => result));
  }
}

function asHandle<Client>(bound: BoundHandle): Handle<Client> {
  return new Proxy(bound, {
    get: (target, name) => {
      if (name === "tenant" || name === "sql" || name === "transaction" || name === "afterCommit") return target[name];
      // A handle is not a promise: `await handle` must not look for a model named «then».
      return typeof name === "string" && name !== "then" ? target.member(name) : undefined;
    },
    set: () => false,
  }) as unknown as Handle<Client>;
}

// The change is committed whatever happens here.
function runEffect(effect: () => void, log: Log): void {
  try {
    effect();
  } catch (error) {
    log.error({ err: error }, "an effect after a commit failed");
  }
}
