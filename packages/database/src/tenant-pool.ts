import { AsyncLocalStorage } from "node:async_hooks";
import pg from "pg";
import type { Log } from "./log";
import { StatementNames, assertTenantSafe, isQuery } from "./statement";
import { TenantQuery, bindTenant } from "./tenant-query";
import { settingNames, type TenantSettings } from "./tenant";

/** One operation's binding: for whom it runs and, within a transaction, on which connection. */
export interface Scope {
  readonly settings: TenantSettings;
  /** Set once the transaction that this scope was made for has its connection. */
  connection?: BoundConnection;
}

export interface TenantPoolOptions {
  url: string;
  max: number;
  statementTimeoutMs: number;
  lockTimeoutMs: number;
  idleInTransactionTimeoutMs: number;
  connectionTimeoutMs: number;
  log: Log;
}

type Statement = pg.QueryConfig & { rowMode?: "array" };

/**
 * A pool on which nothing runs without a tenant. A single statement goes out together with the tenant's settings in
 * one pipeline closed by one Sync: one round trip and one implicit transaction, so the settings end with the
 * statement, whether it succeeds, fails or loses its connection.
 */
export class TenantPool extends pg.Pool {
  // One per pool: a scope of one database means nothing in another.
  readonly #scopes = new AsyncLocalStorage<Scope>();
  readonly #names = new StatementNames();

  constructor(options: TenantPoolOptions) {
    super({
      connectionString: options.url,
      max: options.max,
      connectionTimeoutMillis: options.connectionTimeoutMs,
      // The server ends a slow statement itself; this is for a server that doesn't answer any more.
      query_timeout: options.statementTimeoutMs + 5_000,
      idleTimeoutMillis: 60_000,
      keepAlive: true,
      onConnect: (client) => prepareSession(client, options),
    });
    // An idle connection that the server closed has already left the pool when this is told.
    this.on("error", (error) => options.log.warn({ err: error }, "an idle database connection was lost"));
    this.on("connect", (client) => client.on("error", () => {}));
  }

  /** Runs `work`; what it asks of this pool before and after any wait is bound to `scope`. */
  within<Result>(scope: Scope, work: () => Result): Result {
    return this.#scopes.run(scope, work);
  }

  /** Sends one statement, bound to `scope`: in its transaction where it has one, else as a transaction of its own. */
  async send<Row extends pg.QueryResultRow>(scope: Scope, statement: Statement): Promise<pg.QueryResult<Row>> {
    return scope.connection ? scope.connection.query(statement) : this.#sendAlone(scope.settings, statement);
  }

  async #sendAlone<Row extends pg.QueryResultRow>(settings: TenantSettings, statement: Statement) {
    assertTenantSafe(statement.text);
    const named = { ...statement, name: this.#names.nameOf(statement.text) };
    try {
      return await this.#sendOnce<Row>(settings, named);
    } catch (error) {
      const sentInVain = isStalePlan(error) || (isLostConnection(error) && isQuery(statement.text));
      if (!sentInVain) throw error;
      return this.#sendOnce<Row>(settings, named);
    }
  }

  async #sendOnce<Row extends pg.QueryResultRow>(settings: TenantSettings, statement: Statement) {
    const client = await this.checkOut();
    try {
      const result = await new Promise<pg.QueryResult<Row>>((resolve, reject) => {
        client.query(new TenantQuery(settings, statement, (error, rows) => (error ? reject(error) : resolve(rows))));
      });
      client.release();
      return result;
    } catch (error) {
      client.release(isLostConnection(error) || isStalePlan(error) ? (error as Error) : undefined);
      throw withCallersStack(error);
    }
  }

  /** A connection as pg's pool gives it: bound to nobody. */
  protected checkOut(): Promise<pg.PoolClient> {
    return super.connect();
  }

  // Prisma's adapter calls these two, within the async context in which the handle started the operation.
  override query = (async (statement: Statement) =>
    this.#sendAlone(this.#scope().settings, statement)) as pg.Pool["query"];

  override connect = (async () => {
    const scope = this.#scope();
    const connection = new BoundConnection(await this.checkOut(), scope.settings, this.#names);
    scope.connection ??= connection;
    return connection;
  }) as unknown as pg.Pool["connect"];

  #scope(): Scope {
    const scope = this.#scopes.getStore();
    if (!scope) throw new Error("A statement without a tenant: use database.as(tenant) or database.asService().");
    return scope;
  }
}

/** The words that begin, end and mark transactions, as Prisma sends them. */
const transactionControl =
  /^(begin|commit|rollback|savepoint \w+|rollback to savepoint \w+|release savepoint \w+|set transaction isolation level [a-z ]+)$/i;

/** A connection that was taken for one transaction of one tenant. Has as much of pg's client as Prisma's adapter uses. */
export class BoundConnection {
  // Statements of one connection run one after the other, whoever asks at the same time.
  #last: Promise<unknown> = Promise.resolve();
  #released = false;

  constructor(
    private readonly client: pg.PoolClient,
    private readonly settings: TenantSettings,
    private readonly names: StatementNames,
  ) {}

  query<Row extends pg.QueryResultRow>(statement: Statement): Promise<pg.QueryResult<Row>> {
    const result = this.#last.then(() => this.#send<Row>(statement));
    this.#last = result.catch(() => {});
    return result;
  }

  async #send<Row extends pg.QueryResultRow>(statement: Statement): Promise<pg.QueryResult<Row>> {
    if (this.#released) throw new Error("This transaction has ended.");
    try {
      if (/^begin$/i.test(statement.text)) return await this.#begin();
      if (transactionControl.test(statement.text)) return await this.client.query<Row>(statement.text);
      assertTenantSafe(statement.text);
      return await this.client.query<Row>({ ...statement, name: this.names.nameOf(statement.text) });
    } catch (error) {
      throw withCallersStack(error);
    }
  }

  // SET LOCAL ends with the transaction and, unlike a query, may stand before SET TRANSACTION ISOLATION LEVEL.
  async #begin() {
    const settings = settingNames.map((name, i) => {
      const quoted = name.split(".").map(pg.escapeIdentifier).join("."); // «user» is a keyword
      return `set local ${quoted} = ${pg.escapeLiteral(this.settings[i]!)}`;
    });
    const results = await this.client.query(["begin", ...settings].join("; "));
    return (results as unknown as pg.QueryResult[])[0]!;
  }

  release(error?: Error | boolean): void {
    if (this.#released) return;
    this.#released = true;
    // A connection that comes back inside a transaction would carry its tenant to the next caller.
    this.client.release(error || this.client.getTransactionStatus() !== "I");
  }

  on(event: "error", listener: (error: Error) => void): this {
    this.client.on(event, listener);
    return this;
  }

  removeListener(event: "error", listener: (error: Error) => void): this {
    this.client.removeListener(event, listener);
    return this;
  }
}

async function prepareSession(client: pg.ClientBase, options: TenantPoolOptions): Promise<void> {
  const session = {
    timezone: "UTC", // @prisma/adapter-pg reads timestamptz as if it were UTC
    statement_timeout: String(options.statementTimeoutMs),
    lock_timeout: String(options.lockTimeoutMs),
    idle_in_transaction_session_timeout: String(options.idleInTransactionTimeoutMs),
  };
  const settings = Object.entries(session).map(
    ([name, value]) => `set_config('${name}', ${pg.escapeLiteral(value)}, false)`,
  );
  await client.query(`select ${settings.join(", ")}`);
  await client.query({ ...bindTenant, values: ["", "", "", ""] });
}

/** Whether the connection is gone, and not merely the statement refused. */
export function isLostConnection(error: unknown): boolean {
  const { code = "", severity, message = "" } = error as { code?: string; severity?: string; message?: string };
  if (severity !== undefined) return severity === "FATAL" || severity === "PANIC";
  return (
    /^E[A-Z]+$/.test(code) ||
    /^(connection terminated|client (has encountered|was closed)|query read timeout)/i.test(message)
  );
}

// A migration changed a table under a named statement: the server refuses the old plan before running anything.
const isStalePlan = (error: unknown) => {
  const { code, message } = error as { code?: string; message?: string };
  return code === "26000" || (code === "0A000" && message === "cached plan must not change result type");
};

// An error from the wire has the socket's stack; the caller's is the one that helps.
function withCallersStack(error: unknown): unknown {
  if (error instanceof Error) Error.captureStackTrace(error, withCallersStack);
  return error;
}
