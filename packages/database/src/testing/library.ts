import path from "node:path";
import { openDatabase, type Database } from "../open-database";
import { PrismaClient } from "../generated/prisma/client";
import { testDatabase, type TestDatabase } from ".";

export const libraryMigrations = path.join(__dirname, "../../prisma/migrations");

export const ada = { organizationId: "org_a", workspaceId: "wsp_a", userId: "usr_ada" };
export const bob = { organizationId: "org_b", workspaceId: "wsp_b", userId: "usr_bob" };

export interface Library {
  home: TestDatabase;
  database: Database<PrismaClient>;
  close(): Promise<void>;
}

/** The example service of this package's own tests, on a database of its own. */
export async function openLibrary(options: { poolMax?: number; statementTimeoutMs?: number } = {}): Promise<Library> {
  const home = await testDatabase("library", libraryMigrations);
  const database = openDatabase({
    url: home.appUrl,
    createClient: (adapter) => new PrismaClient({ adapter }),
    ...options,
  });
  const close = async () => {
    await database.close();
    await home.drop();
  };
  return { home, database, close };
}

export const shelfOf = (tenant: { organizationId: string; workspaceId: string }, id: string, name = id) => ({
  organizationId: tenant.organizationId,
  workspaceId: tenant.workspaceId,
  id,
  name,
});
