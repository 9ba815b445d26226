import pg from "pg";
import { settingNames, type TenantSettings } from "./tenant";

// pg's Query is made for subclasses, and its typings leave out what they need.
interface WireConnection {
  bind(message: {
    portal: string;
    statement: string;
    values: readonly string[];
    valueMapper(value: string): string;
  }): void;
  execute(message: { portal: string; rows: number }): void;
}
declare module "pg" {
  interface Query {
    prepare(connection: unknown): void;
    handleDataRow(message: unknown): void;
    handleCommandComplete(message: unknown, connection: unknown): void;
  }
}

/** Prepared on every connection before its first use. */
export const bindTenant = {
  name: "bind_tenant",
  text: `select ${settingNames.map((name, i) => `set_config('${name}', $${i + 1}, true)`).join(", ")}`,
};

/** A statement preceded by the tenant's settings in the same pipeline: Bind, Execute, then the statement, one Sync. */
export class TenantQuery extends pg.Query {
  #bound = false;

  constructor(
    private readonly settings: TenantSettings,
    statement: pg.QueryConfig,
    done: (error: Error | null | undefined, result: pg.QueryResult) => void,
  ) {
    super(statement, undefined, done as ConstructorParameters<typeof pg.Query>[2]);
  }

  // The simple protocol has no place for the settings.
  requiresPreparation(): boolean {
    return true;
  }

  override prepare(connection: WireConnection): void {
    connection.bind({ portal: "", statement: bindTenant.name, values: this.settings, valueMapper: (value) => value });
    connection.execute({ portal: "", rows: 0 });
    super.prepare(connection);
  }

  // The first answer is set_config's and nobody's business.
  override handleDataRow(message: unknown): void {
    if (this.#bound) super.handleDataRow(message);
  }

  override handleCommandComplete(message: unknown, connection: unknown): void {
    if (this.#bound) super.handleCommandComplete(message, connection);
    else this.#bound = true;
  }
}
