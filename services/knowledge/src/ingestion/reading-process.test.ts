import { readFileSync } from "node:fs";
import path from "node:path";
import { wholeDocument } from "./document";
import { startParsing, type Parsing } from "./parse";
import { defaultSplit, split } from "./split";

const MB = 1024 * 1024;
const onLinux = process.platform === "linux" ? test : test.skip;
const open: Parsing[] = [];
function start(settings: Parameters<typeof startParsing>[0] = {}): Parsing {
  const parsing = startParsing(settings);
  open.push(parsing);
  return parsing;
}
afterAll(() => Promise.all(open.map((parsing) => parsing.close())));

const text = (content: string) => ({ filename: "a.txt", content: Buffer.from(content) });
const reading = (parsing: Parsing, content: string) => wholeDocument(parsing.parse(text(content)));
/** Takes minutes to read: closing tags that each look through all open ones. */
const slow = {
  filename: "slow.html",
  content: Buffer.from(`<html>${"<i>".repeat(19_000)}${"</b>".repeat(2_000_000)}`),
};

/** The longest time for which this process didn't come to its timers while `work` ran. */
async function longestPause(work: Promise<unknown>): Promise<number> {
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 5);
  await work.catch(() => {});
  clearInterval(timer);
  return longest;
}

test("a document that takes too long is ended, the caller isn't held up meanwhile, and the next is read", async () => {
  const parsing = start({ processesMax: 1, limits: { workingMs: 1_500 } });
  await reading(parsing, "warm up");
  const ended = wholeDocument(parsing.parse(slow));
  const pause = longestPause(ended);
  const next = reading(parsing, "the next");
  await expect(ended).rejects.toMatchObject({ code: "TIMED_OUT", message: expect.stringContaining("2 seconds") });
  expect(await pause).toBeLessThan(500);
  expect((await next).text).toBe("the next");
});

test("the time that the caller takes isn't the document's", async () => {
  const parsing = start({ limits: { workingMs: 1_000 } });
  const content = Buffer.from("A paragraph of some length.\n\n".repeat(20_000));
  let parts = 0;
  for await (const part of parsing.parse({ filename: "a.txt", content })) {
    parts++;
    if (part.start === 0) await new Promise((resolve) => setTimeout(resolve, 1_500));
  }
  expect(parts).toBeGreaterThan(2);
});

test("a document that takes too much memory is ended: objects as well as buffers", async () => {
  const parsing = start({ limits: { processBytes: 200 * MB } });
  const numbers = Buffer.from(`[${"[1],".repeat(10_000_000)}[1]]`);
  await expect(wholeDocument(parsing.parse({ filename: "big.json", content: numbers }))).rejects.toMatchObject({
    code: "TOO_LARGE",
    message: expect.stringContaining("200 MB of memory"),
  });
  expect((await reading(parsing, "the next")).text).toBe("the next");
}, 60_000);

test("a process that somebody else ends is a fault of ours, worth another attempt, and no fault of the document", async () => {
  const parsing = start({ processesMax: 1 });
  await reading(parsing, "warm up");
  const broken = wholeDocument(parsing.parse(slow));
  broken.catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 200));
  const pids = parsing.load().processIds;
  for (const pid of pids) process.kill(pid, "SIGKILL");
  await expect(broken).rejects.toThrow(/ended with SIGKILL/);
  await expect(broken).rejects.not.toMatchObject({ name: "ParseFailure" });
  expect((await reading(parsing, "the next")).text).toBe("the next");
});

test("no more documents are read at once than there may be processes, and all are read", async () => {
  const parsing = start({ processesMax: 2 });
  const all = Array.from({ length: 12 }, (_, i) => reading(parsing, `document ${i}`));
  await all[0];
  expect(parsing.load().processIds.length).toBeLessThanOrEqual(2);
  expect((await Promise.all(all)).map((document) => document.text)).toEqual(
    Array.from({ length: 12 }, (_, i) => `document ${i}`),
  );
  expect(parsing.load()).toEqual({ processIds: [expect.any(Number), expect.any(Number)], waiting: 0 });
});

test("a bad document among good ones fails alone", async () => {
  const parsing = start({ processesMax: 2 });
  const results = await Promise.allSettled([
    reading(parsing, "one"),
    reading(parsing, ""),
    wholeDocument(parsing.parse({ filename: "x", content: Buffer.from("%PDF-") })),
    reading(parsing, "two"),
  ]);
  expect(
    results.map((result) =>
      result.status === "fulfilled" ? result.value.text : (result.reason as { code: string }).code,
    ),
  ).toEqual(["one", "EMPTY", "CORRUPT", "two"]);
});

test("a caller who stops asking, or gives up, ends the reading and frees the process", async () => {
  const parsing = start({ processesMax: 1 });
  for await (const part of parsing.parse({ filename: "a.txt", content: Buffer.from("Words. ".repeat(200_000)) })) {
    expect(part.start).toBe(0);
    break;
  }
  const controller = new AbortController();
  const given = wholeDocument(parsing.parse(slow, { signal: controller.signal }));
  const waiting = wholeDocument(parsing.parse(text("waiting"), { signal: controller.signal }));
  setTimeout(() => controller.abort(new Error("The document was deleted.")), 100);
  await expect(given).rejects.toThrow("The document was deleted.");
  await expect(waiting).rejects.toThrow("The document was deleted.");
  expect((await reading(parsing, "the next")).text).toBe("the next");
});

test("callers who give up at any moment leave the process to the others", async () => {
  const parsing = start({ processesMax: 1 });
  for (let wait = 0; wait < 400; wait += 40) {
    const controller = new AbortController();
    const given = Promise.allSettled(
      [slow, text("a"), text("b")].map((source) => wholeDocument(parsing.parse(source, { signal: controller.signal }))),
    );
    const kept = reading(parsing, `kept ${wait}`);
    setTimeout(() => controller.abort(), wait);
    await given;
    expect((await kept).text).toBe(`kept ${wait}`);
  }
});

test("a source that breaks off fails with its own reason", async () => {
  async function* broken() {
    yield Buffer.from("The beginning. ".repeat(10_000));
    throw new Error("The blob store doesn't answer.");
  }
  await expect(wholeDocument(start().parse({ filename: "a.txt", content: broken() }))).rejects.toThrow(
    "The blob store doesn't answer.",
  );
});

test("processes end when they have nothing to do, after so many documents, and when parsing is closed", async () => {
  const idle = start({ idleMs: 100 });
  await reading(idle, "one");
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(idle.load().processIds).toEqual([]);

  const replaced = start({ processesMax: 1, documentsPerProcess: 2 });
  const ids = new Set<number>();
  for (const content of ["one", "two", "three"]) {
    const document = reading(replaced, content);
    await document;
    for (const id of replaced.load().processIds) ids.add(id);
  }
  expect(ids.size).toBe(2);

  const closing = start();
  await reading(closing, "one");
  await closing.close();
  expect(closing.load().processIds).toEqual([]);
  await expect(reading(closing, "two")).rejects.toThrow("Parsing is closed.");
});

onLinux("a reading process has no secret of ours in its environment", async () => {
  process.env["ATRIUM_TEST_SECRET"] = "s3cret";
  const parsing = start();
  await reading(parsing, "one");
  const pids = parsing.load().processIds;
  expect(pids.length).toBeGreaterThan(0);
  for (const pid of pids) expect(readFileSync(`/proc/${pid}/environ`, "utf8")).not.toContain("s3cret");
  delete process.env["ATRIUM_TEST_SECRET"];
});

test("splitting where the document is read gives what splitting it here gives", async () => {
  const parsing = start();
  const content = readFileSync(path.join(__dirname, "../../fixtures/documents/ntsb-20071229X02007.pdf"));
  const whole = await wholeDocument(parsing.parse({ filename: "a.pdf", content }));
  const passages = [];
  for await (const part of parsing.parsePassages({ filename: "a.pdf", content }, { split: defaultSplit }))
    passages.push(...part.passages);
  expect(passages).toEqual(split(whole, defaultSplit));
  const analysis = passages.find((passage) => passage.text.includes("contacted trees"))!;
  expect(analysis).toMatchObject({
    firstPage: 1,
    lastPage: 1,
    headingPath: ["National Transportation Safety Board Aviation Accident Final Report", "Analysis"],
  });
  await expect(
    parsing
      .parsePassages(text("x"), { split: { ...defaultSplit, sizeTokens: 1 } })
      [Symbol.asyncIterator]()
      .next(),
  ).rejects.toThrow(/sizeTokens/);
});
