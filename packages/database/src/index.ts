export { baseScripts, type Base, type BaseScript } from "./base-sql";
export { EmbeddedPostgresError } from "./embedded/binaries";
export {
  removeEmbeddedPostgres,
  runningEmbeddedPostgres,
  startEmbeddedPostgres,
  type EmbeddedPostgres,
} from "./embedded";
export { isSerializationFailure, uniqueViolation } from "./database-error";
export type { Handle, SafeModels, SqlHandle, TransactionOptions } from "./handle";
export type { Log } from "./log";
export { MigrationError, migrate, type MigrateOptions } from "./migrate";
export { openDatabase, type Database, type OpenDatabaseOptions } from "./open-database";
export { provisionDatabase, serviceUrls, type ServiceDatabase } from "./provision";
export type { Tenant } from "./tenant";
export type { TenantPool } from "./tenant-pool";
