import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { migrate, provisionDatabase, startEmbeddedPostgres } from "@atrium/database";
import { eventsBase, type EventTransport } from "@atrium/events";
import { log, openService } from "../../packages/events/src/testing/ledger";
import { write, type Commits, type Load, type Party } from "./events-load";
import { root } from "./house";

const migrations = path.join(root, "packages/events/prisma/migrations");

interface PublishingProcess {
  write(load: Load): Promise<Commits>;
  stop(): Promise<void>;
}

/** A database server of its own that really writes to disk; each measure gets two fresh services on it. */
export async function withServer<T>(
  work: (server: {
    directory: string;
    withServices<R>(
      transport: () => EventTransport,
      measure: (party: Party) => Promise<R>,
      /** Starts the publishing service in a process of its own; otherwise it runs here. */
      relayOf?: (url: string) => Promise<PublishingProcess>,
    ): Promise<R>;
  }) => Promise<T>,
): Promise<T> {
  const directory = mkdtempSync(path.join(tmpdir(), "atrium-bench-"));
  chmodSync(directory, 0o755); // run by root, the server is another user's
  const server = await startEmbeddedPostgres({ directory: path.join(directory, "postgres"), log });
  let databases = 0;
  const open = async (name: string) => {
    const urls = await provisionDatabase(server.adminUrl, `${name}_${++databases}`);
    await migrate({ ...urls, directory: migrations, base: [eventsBase] });
    return openService(name, urls.appUrl);
  };
  try {
    return await work({
      directory,
      async withServices(transportOf, measure, relayOf) {
        const transport = transportOf();
        let apart: PublishingProcess | undefined;
        const [ledger, reports] = [await open("ledger"), await open("reports")];
        try {
          const relay = async () => (apart = await relayOf?.(ledger.url)) ?? ledger.run(transport);
          const writeThere = (load: Load) => apart?.write(load) ?? write(ledger, load);
          return await measure({ ledger, reports, transport, relay, write: writeThere });
        } finally {
          await apart?.stop();
          await Promise.all([ledger.close(), reports.close()]);
          await transport.close?.();
        }
      },
    });
  } finally {
    await server.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}
