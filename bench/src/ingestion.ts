import { signedUp } from "@atrium/testing";
import { createKnowledgeBase, ingest, sourceFiles, startHouse, upload } from "./house";
import { processorMsOfTree } from "./process-tree";
import { median, rounded, seconds } from "./statistics";
import { atLeast, type Measure } from "./table";

const copies = 5;
const rounds = 3;

/** Whole files through the product: from `addDocuments` until the last of them can be searched. */
export const ingestion: Measure = async (say) => {
  say("starting the product");
  const atrium = await startHouse();
  try {
    const { client } = await signedUp(atrium);
    const batch = async (files: ReturnType<typeof sourceFiles>) => {
      const uploads = await upload(client, Array.from({ length: copies }, () => files).flat());
      const before = processorMsOfTree(atrium.process.pid!);
      const ingested = await ingest(client, await createKnowledgeBase(client, "Batch"), uploads);
      const processorMs = processorMsOfTree(atrium.process.pid!) - before;
      return { files: uploads.length, ...ingested, processorMs };
    };
    const measure = async (what: string, files: ReturnType<typeof sourceFiles>) => {
      const batches = [];
      for (let round = 0; round < rounds; round++) {
        say(`ingesting ${what}, ${round + 1} of ${rounds}`);
        batches.push(await batch(files));
      }
      const rate = median(batches.map(({ passages, ms }) => (passages * 1_000) / ms));
      const { passages, files: count } = batches[0]!;
      const each = median(batches.map(({ passages, processorMs }) => processorMs / passages));
      const took = seconds(median(batches.map(({ ms }) => ms)));
      return {
        what: `ingestion of ${what}: ${count} files, ${rounded(passages)} passages, to the last findable`,
        value: `${rounded(rate)} passages/s (${took}; ${each.toFixed(1)} ms of processor each, PostgreSQL included)`,
        reach: atLeast(200, " passages/s", rate),
      };
    };
    say("warming up");
    await batch(sourceFiles(/ntsb/));
    return [
      await measure("accident reports (PDF)", sourceFiles(/ntsb/)),
      await measure("reports and office documents", sourceFiles()),
    ];
  } finally {
    await atrium.stop();
  }
};
