import { setTimeout as delay } from "node:timers/promises";
import { signedUp, temporaryData } from "@atrium/testing";
import { createKnowledgeBase, ingest, startHouse, upload } from "./house";
import { median } from "./statistics";
import { below, type Measure } from "./table";

// Each becomes two passages.
const paragraphs = 10_000;
const rounds = 6;
const settleMs = 20_000;
const laterMs = 3_000;

/** Some 200 words that name a number, so that a question has one right place. */
const paragraph = (n: number): string => {
  const words = ["pump", "valve", "manager", "invoice", "harbour", "approves", "closes", "before", "after", "every"];
  const text = Array.from({ length: 200 }, (_, at) => `${words[(n * 7 + at * at) % words.length]}${(n + at) % 997}`);
  return `## Section ${n}\n\nThe reference is ref${n}. ${text.join(" ")}.`;
};

/** What somebody waits who searches a big base right after a start. */
export const restart: Measure = async (say) => {
  const data = temporaryData();
  const settings = { IDENTITY_RATE_LIMIT_FACTOR: "1000", LOG_LEVEL: "error" };
  try {
    say(`taking in ${paragraphs} sections`);
    let atrium = await startHouse(settings, data.path);
    const person = await signedUp(atrium);
    const base = await createKnowledgeBase(person.client, "Big");
    const files = Array.from({ length: 20 }, (_, file) => ({
      filename: `part-${file}.md`,
      contentType: "text/markdown",
      content: Buffer.from(
        Array.from({ length: paragraphs / 20 }, (_, n) => paragraph(file * (paragraphs / 20) + n)).join("\n\n"),
      ),
    }));
    const { passages } = await ingest(person.client, base, await upload(person.client, files));
    const query = `query ($id: ID!, $query: String!) { searchKnowledge(knowledgeBaseIds: [$id], query: $query, first: 1) {
      hits { passage { text } } } }`;
    const search = async (client: typeof person.client, n: number) => {
      const begun = performance.now();
      const { searchKnowledge } = await client.ask(query, { id: base, query: `reference ref${n}` });
      if (!searchKnowledge.hits[0]?.passage.text.includes(`ref${n}.`)) throw new Error(`ref${n} wasn't found.`);
      return performance.now() - begun;
    };
    await search(person.client, 1);
    say("letting the index settle and be kept");
    await delay(settleMs);
    const atOnce: number[] = [];
    const later: number[] = [];
    const second: number[] = [];
    for (let round = 1; round <= rounds; round++) {
      say(`restart ${round} of ${rounds}`);
      await atrium.stop();
      atrium = await startHouse(settings, data.path);
      const client = atrium.client(person.client.token);
      // The way to the service is warm.
      await client.ask("{ viewer { id } }");
      if (round % 2 === 0) await delay(laterMs);
      (round % 2 === 0 ? later : atOnce).push(await search(client, 9_000 + round));
      second.push(await search(client, 10 + round));
    }
    await atrium.stop();
    const ms = (times: number[]) => `${Math.round(median(times))} ms`;
    return [
      {
        what: `first search, ${laterMs / 1_000} s after a start, base of ${passages} passages`,
        value: `${ms(later)} (the second search: ${ms(second)})`,
        reach: below(300, "ms", median(later)),
      },
      { what: "the same in the moment of the start", value: ms(atOnce) },
    ];
  } finally {
    await data.remove();
  }
};
