/**
 * The main module of a reading process. It reads one document at a time and may be killed at any moment; it needs no
 * file, no network and no environment variable. A thread beside it ends it when it takes too much memory or is orphaned.
 */
import { Worker } from "node:worker_threads";
import { assemble, type DocumentPart, type ReaderInput } from "../document";
import { ParseFailure } from "../failures";
import { detectFormat, needsWholeFile } from "../formats";
import { megabytes } from "../limits";
import { readerOf } from "../readers";
import { PassageSplitter, type Passage } from "../split";
import { memorySignal, type FromReader, type SentPart, type ToReader } from "./messages";

const headBytes = 64 * 1024;

/** Those who wait for an answer. The owner answers in the order of the questions. */
const waiting: ((answer: ToReader) => void)[] = [];

process.on("message", (message: ToReader) => {
  if (message.type === "READ") void read(message);
  else waiting.shift()?.(message);
});
process.on("disconnect", () => process.exit());
// Of what a parser leaves behind nobody waits any more; what it throws outside of any call can't be told from the document.
process.on("unhandledRejection", () => {});
process.on("uncaughtException", (fault) => fail(new ParseFailure("CORRUPT", undefined, { cause: fault })));

type Question = Extract<ToReader, { type: "READ" }>;

async function read(question: Question): Promise<void> {
  const { filename, limits, split } = question;
  startWatchdog(limits.processBytes);
  try {
    const input = await openInput(question);
    const format = detectFormat(needsWholeFile(input.head) ? await input.bytes() : input.head, filename);
    const reader = readerOf(format);
    const splitter = split && new PassageSplitter(split);
    let last: DocumentPart | null = null;
    for await (const part of assemble(format, failingAsDamaged(reader(input, limits)), limits)) {
      if (last) await ask({ type: "PART", part: partOf(last, splitter?.push(last) ?? null), isLast: false });
      last = part;
    }
    const passages = splitter && [...splitter.push(last!), ...splitter.end()];
    send({ type: "PART", part: partOf(last!, passages), isLast: true });
  } catch (thrown) {
    fail(thrown);
  }
}

function fail(thrown: unknown): void {
  if (thrown instanceof ParseFailure) {
    send({ type: "FAILED", code: thrown.code, message: thrown.message, detail: detailOf(thrown.cause) });
  } else {
    send({
      type: "FAULT",
      message: thrown instanceof Error ? thrown.message : String(thrown),
      stack: detailOf(thrown),
    });
  }
}

/** Whatever a parser throws at a document's contents, the document is what is wrong. */
async function* failingAsDamaged<Item>(items: AsyncIterable<Item> | Iterable<Item>): AsyncGenerator<Item> {
  try {
    yield* items;
  } catch (fault) {
    if (fault instanceof ParseFailure) throw fault;
    const outOfMemory =
      fault instanceof RangeError && /allocation|invalid (string|array)|too large/i.test(fault.message);
    throw new ParseFailure(outOfMemory ? "TOO_LARGE" : "CORRUPT", undefined, { cause: fault });
  }
}

function partOf({ start, text, blocks, facts }: DocumentPart, passages: Passage[] | null): SentPart {
  return passages
    ? { start, text, facts, passages, blocks: [] }
    : { start, text, facts, passages, blocks: blocks.map(({ text: _, ...block }) => block) };
}

/** The file as its owner sends it, chunk by chunk. */
async function openInput({ filename, limits, beginning, isWhole }: Question): Promise<ReaderInput> {
  const held = beginning.length > 0 ? [beginning] : [];
  let size = beginning.length;
  let ended = isWhole;
  let taken = false;
  if (size > limits.fileBytes) throw tooLarge(limits.fileBytes);
  const pull = async (): Promise<Uint8Array | null> => {
    if (ended) return null;
    const answer = await ask({ type: "WANT_CHUNK" });
    const bytes = answer.type === "CHUNK" ? answer.bytes : null;
    ended = bytes === null;
    size += bytes?.length ?? 0;
    if (size > limits.fileBytes) throw tooLarge(limits.fileBytes);
    return bytes;
  };
  while (size < headBytes && !ended) {
    const bytes = await pull();
    if (bytes) held.push(bytes);
  }
  let whole: Uint8Array | null = null;
  return {
    filename,
    head: Buffer.concat(held).subarray(0, headBytes),
    async *chunks() {
      if (taken) throw new Error("The file was read already.");
      taken = true;
      while (held.length > 0) yield held.shift()!;
      for (let bytes = await pull(); bytes; bytes = await pull()) yield bytes;
    },
    async bytes() {
      if (whole) return whole;
      if (taken) throw new Error("The file was read already.");
      taken = true;
      for (let bytes = await pull(); bytes; bytes = await pull()) {
        held.push(bytes);
        if (size > limits.wholeFileBytes) break;
      }
      if (size > limits.wholeFileBytes) throw tooLarge(limits.wholeFileBytes);
      whole = Buffer.concat(held.splice(0));
      return whole;
    },
  };
}

function tooLarge(limit: number): ParseFailure {
  return new ParseFailure(
    "TOO_LARGE",
    `A file of this kind may have ${megabytes(limit)} at the most. Split it and upload the parts.`,
  );
}

function detailOf(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : cause === undefined ? "" : String(cause);
}

function send(message: FromReader): void {
  process.send!(message);
}

function ask(message: FromReader): Promise<ToReader> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    send(message);
  });
}

/**
 * Memory can't be limited from within: buffers aren't on the heap that Node limits, and a busy loop hears no timer. The
 * thread is a text, because it has to start the same way from sources and when compiled.
 */
const watchdog = `
  const { workerData: { processBytes, parent, memorySignal } } = require("node:worker_threads");
  setInterval(() => {
    if (process.ppid !== parent) process.kill(process.pid, "SIGKILL");
    else if (process.memoryUsage.rss() > processBytes) process.kill(process.pid, memorySignal);
  }, 25);
`;
let watched = false;

function startWatchdog(processBytes: number): void {
  if (watched) return;
  watched = true;
  new Worker(watchdog, {
    eval: true,
    execArgv: [],
    workerData: { processBytes, parent: process.ppid, memorySignal },
  }).unref();
}

send({ type: "READY" });
