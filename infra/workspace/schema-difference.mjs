// What is missing between a workspace's migrations and its prisma/schema.prisma, as SQL. Works without the network:
// Prisma's schema engine comes as WebAssembly, and the migrations run on the shared test server.
import { PrismaPg } from "@prisma/adapter-pg";
import { bindMigrationAwareSqlAdapterFactory } from "@prisma/driver-adapter-utils";
import pg from "pg";
import { existsSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
