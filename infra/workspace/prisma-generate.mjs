// Makes one workspace's Prisma client from prisma/schema.prisma, without the network.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";

const database = createRequire(new URL("../../packages/database/package.json", import.meta.url));
const prisma = path.join(path.dirname(database.resolve("prisma/package.json")), "build/index.js");

const { status, stdout, stderr } = spawnSync(
  process.execPath,
  [prisma, "generate", "--schema", "prisma/schema.prisma", "--no-hints"],
  {
    encoding: "utf8",
    env: {
      ...process.env,
      // Prisma would download an engine that generating doesn't use. Any executable in its place keeps it from that.
      PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
      PRISMA_HIDE_UPDATE_MESSAGE: "1",
      CHECKPOINT_DISABLE: "1",
    },
  },
);
if (status !== 0) process.stderr.write(stdout + stderr);
process.exitCode = status ?? 1;
