import { signedUp } from "@atrium/testing";
import { createKnowledgeBase, ingest, sourceFiles, startHouse, upload, type SourceFile } from "./house";
import { processorMsOfTree } from "./process-tree";
import { median, rounded, seconds } from "./statistics";
import { atLeast, type Measure } from "./table";

const copies = 5;
const notes = 200;

/** Files as people have them by the thousand: a page of text each. */
const smallFiles = (): SourceFile[] =>
  Array.from({ length: notes / copies }, (_, n) => ({
    filename: `note-${n}.md`,
    contentType: "text/markdown",
    content: Buffer.from(
      `# Note ${n}\n\n${Array.from({ length: 12 }, (_, at) => `Sentence ${at} of note ${n} says that pump ${n * at} is looked after every ${at + 2} days.`).join(" ")}`,
    ),
  }));

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
      const each = median(batches.map(({ files, processorMs }) => processorMs / files));
      const took = seconds(median(batches.map(({ ms }) => ms)));
      return {
        what: `ingestion of ${what}: ${count} files, ${rounded(passages)} passages, to the last findable`,
        value: `${rounded(rate)} passages/s (${took}; ${each.toFixed(0)} ms of processor a file, PostgreSQL included)`,
        reach: atLeast(200, " passages/s", rate),
      };
    };
    say("warming up");
    await batch(sourceFiles(/ntsb/));
    return [
      await measure("accident reports (PDF)", sourceFiles(/ntsb/)),
      await measure("reports and office documents", sourceFiles()),
      await measure("small notes", smallFiles()),
    ];
  } finally {
    await atrium.stop();
  }
};
