// Run as a process of its own by the tests, which kill it: performs `slow` jobs, together where they may be, and says when
// they have begun.
import { openDatabase } from "@atrium/database";
import { PrismaClient } from "../generated/prisma/client";
import { runJobs, type Job } from "..";

async function main(ownerUrl: string, appUrl: string, concurrency?: string): Promise<void> {
  const database = openDatabase({ url: appUrl, createClient: (adapter) => new PrismaClient({ adapter }) });
  const say = (line: string) => void process.stdout.write(`${line}\n`);
  await runJobs({
    ownerUrl,
    database,
    concurrency: concurrency === undefined ? undefined : Number(concurrency),
    log: { info: () => {}, warn: (_, message) => say(message), error: (_, message) => say(message) },
    tasks: {
      async slow(_payload: unknown, { attempt }: Job<PrismaClient>) {
        say(`begun, attempt ${attempt}`);
        await new Promise((resolve) => setTimeout(resolve, 60_000));
      },
      slowTogether: {
        async together(jobs: readonly Job<PrismaClient>[]) {
          say(`begun, ${jobs.length} together`);
          await new Promise((resolve) => setTimeout(resolve, 60_000));
          return [];
        },
      },
    },
  });
  say("ready");
}

void main(process.argv[2]!, process.argv[3]!, process.argv[4]);
