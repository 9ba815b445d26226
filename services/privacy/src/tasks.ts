import type { RunJobsOptions } from "@atrium/jobs";
import type { PersonalDataService } from "@atrium/personal-data";
import { signCheckpoints, tendPartitions } from "./audit-entry/checkpoint";
import { verifyAllChains } from "./audit-entry/verify";
import { witnessChains } from "./audit-entry/witness";
import type { Services } from "./context";
import { assembleExport, giveUpExport } from "./data-export/assemble";
import type { PrismaClient } from "./generated/prisma/client";

type Tasks = Pick<RunJobsOptions<PrismaClient>, "tasks" | "cron" | "onGivenUp">;

/** What the service's jobs do. `onVerified` learns how many chains aren't intact. */
export const tasksOf = (
  services: Services,
  people: PersonalDataService,
  onVerified: (brokenChains: number) => void,
  /** Where this process has last seen each chain end: what hasn't moved costs nothing. */
  seenEnds = new Map<string, string>(),
): Tasks => ({
  tasks: {
    ...people.tasks,
    assembleExport: (payload: { exportId: string }, { signal }) => assembleExport(services, payload, signal),
    deleteExportFiles: async ({ prefixes }: { prefixes: string[] }) => {
      for (const prefix of prefixes) await services.blobs.deletePrefix(prefix);
    },
    signCheckpoints: () => signCheckpoints(services),
    witnessAuditTrails: () => witnessChains(services, seenEnds),
    tendPartitions: () => tendPartitions(services),
    verifyAuditTrails: async (_: unknown, { signal }) => {
      onVerified((await verifyAllChains(services, signal)).length);
    },
  },
  async onGivenUp({ task, payload }) {
    if (task === "assembleExport") await giveUpExport(services, payload as { exportId: string });
  },
  cron: [
    { task: "witnessAuditTrails", schedule: "* * * * *" },
    { task: "signCheckpoints", schedule: "5 0 * * *", catchUpSeconds: 24 * 3600 },
    { task: "tendPartitions", schedule: "20 0 * * *", catchUpSeconds: 24 * 3600 },
    { task: "verifyAuditTrails", schedule: "0 2 * * *", catchUpSeconds: 24 * 3600 },
  ],
});
