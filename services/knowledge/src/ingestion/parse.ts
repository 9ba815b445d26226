import type { Block, DocumentPart } from "./document";
import { ParseFailure } from "./failures";
import { defaultLimits, type Limits } from "./limits";
import type { SentPart } from "./process/messages";
import { ReadingProcess } from "./process/reading-process";
import { splitFault, type Passage, type SplitOptions } from "./split";

export interface DocumentSource {
  /** As it was uploaded. Decides between text formats that look alike; nothing is ever written or opened by this name. */
  filename: string;
  content: Uint8Array | AsyncIterable<Uint8Array>;
}

export interface ParseOptions {
  signal?: AbortSignal;
  limits?: Partial<Limits>;
}

/**
 * Reads a document part by part, in order; nothing happens before the first part is asked for, and whoever stops asking
 * ends it. Throws a `ParseFailure` when the document itself is at fault, anything else when another attempt may succeed.
 */
export type Parse = (source: DocumentSource, options?: ParseOptions) => AsyncIterable<DocumentPart>;

/** A part of a document with the passages that are complete with it, in place of its blocks. */
export interface PassagePart extends Omit<DocumentPart, "blocks"> {
  passages: Passage[];
}

/** Like `Parse`, and splits what it reads where it reads it, so that neither keeps the caller's process busy. */
export type ParsePassages = (
  source: DocumentSource,
  options: ParseOptions & { split: SplitOptions },
) => AsyncIterable<PassagePart>;

export interface Parsing {
  parse: Parse;
  parsePassages: ParsePassages;
  /** The reading processes that live, and how many documents wait for one. */
  load(): { processIds: number[]; waiting: number };
  /** Ends all reading processes; documents that are being read fail. */
  close(): Promise<void>;
}

export interface ParsingSettings {
  /** How many documents are read at once, each in a process of its own. */
  processesMax?: number;
  /** After so many documents a process is replaced, whatever it may have gathered. */
  documentsPerProcess?: number;
  /** A process that has nothing to do for so long is ended. */
  idleMs?: number;
  limits?: Partial<Limits>;
}

/** A document that waits for a process. */
interface Waiting {
  take(process: ReadingProcess): void;
  fail(reason: unknown): void;
}

/** Of the memory that a reading process may take, how much may be objects; the rest is for buffers. */
const heapShare = 0.6;
const chunkBytes = 1024 * 1024;

/** Opens the pool of reading processes. They start when they are needed. */
export function startParsing({
  processesMax = 2,
  documentsPerProcess = 1_000,
  // A process that is new takes three times as long for a file as one that has read thirty.
  idleMs = 30_000,
  limits: standing,
}: ParsingSettings = {}): Parsing {
  const poolLimits: Limits = { ...defaultLimits, ...standing };
  const live = new Set<ReadingProcess>();
  const idle: { process: ReadingProcess; timer: NodeJS.Timeout }[] = [];
  const queue: Waiting[] = [];
  let closed = false;

  async function acquire(signal: AbortSignal | undefined): Promise<ReadingProcess> {
    if (closed) throw new Error("Parsing is closed.");
    signal?.throwIfAborted();
    for (let free = idle.pop(); free; free = idle.pop()) {
      clearTimeout(free.timer);
      if (free.process.alive) return free.process;
    }
    if (live.size < processesMax) return started();
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        queue.splice(queue.indexOf(waiting), 1);
        reject(signal!.reason);
      };
      const stopListening = () => signal?.removeEventListener("abort", giveUp);
      // Whoever takes this out of the queue settles it, so it is in the queue for as long as `giveUp` can be called.
      const waiting: Waiting = {
        take: (process) => (stopListening(), resolve(process)),
        fail: (reason) => (stopListening(), reject(reason)),
      };
      queue.push(waiting);
      signal?.addEventListener("abort", giveUp, { once: true });
    });
  }

  async function started(): Promise<ReadingProcess> {
    const process = new ReadingProcess(Math.floor((poolLimits.processBytes * heapShare) / (1024 * 1024)));
    live.add(process);
    void process.exited().then(() => {
      live.delete(process);
      serveQueue();
    });
    await process.receive();
    return process;
  }

  function release(process: ReadingProcess, clean: boolean): void {
    if (!clean || closed || !process.alive || process.documents >= documentsPerProcess) {
      process.kill(new Error("The document is no longer wanted."));
      return;
    }
    offer(process);
  }

  function offer(process: ReadingProcess): void {
    const next = queue.shift();
    if (next) return next.take(process);
    process.keepOwnerAlive(false);
    const timer = setTimeout(() => {
      idle.splice(
        idle.findIndex((free) => free.process === process),
        1,
      );
      process.kill(new Error("Idle."));
    }, idleMs);
    timer.unref();
    idle.push({ process, timer });
  }

  /** In place of a process that has ended, one for those who wait. */
  function serveQueue(): void {
    if (closed || queue.length === 0 || live.size >= processesMax) return;
    started().then(offer, (fault) => queue.shift()?.fail(fault));
  }

  async function* run(
    source: DocumentSource,
    { signal, limits: own }: ParseOptions,
    split: SplitOptions | null,
  ): AsyncGenerator<SentPart> {
    const limits: Limits = { ...poolLimits, ...own };
    const chunks = chunksOf(source.content);
    try {
      signal?.throwIfAborted();
      // Most files are sent whole, with the question; the process isn't taken before there is something to read.
      const beginning = await beginningOf(chunks);
      const process = await acquire(signal);
      const abort = () => process.kill(signal!.reason);
      process.keepOwnerAlive(true);
      signal?.addEventListener("abort", abort, { once: true });
      let last: SentPart | null = null;
      try {
        signal?.throwIfAborted();
        process.begin(limits);
        process.send({ type: "READ", filename: source.filename, limits, split, ...beginning });
        while (!last) {
          const message = await process.receive();
          if (message.type === "WANT_CHUNK") {
            const next = await chunks.next();
            process.send({ type: "CHUNK", bytes: next.done ? null : next.value });
          } else if (message.type === "PART" && message.isLast) {
            last = message.part;
          } else if (message.type === "PART") {
            yield message.part;
            process.send({ type: "NEXT" });
          } else if (message.type === "FAILED") {
            throw new ParseFailure(message.code, message.message, message.detail ? { cause: message.detail } : {});
          } else if (message.type === "FAULT") {
            throw new Error(`Reading ${source.filename} failed: ${message.message}`, { cause: message.stack });
          }
        }
      } finally {
        signal?.removeEventListener("abort", abort);
        release(process, last !== null);
      }
      yield last;
    } finally {
      await chunks.return(undefined);
    }
  }

  return {
    async *parse(source, options = {}) {
      for await (const { start, text, facts, blocks } of run(source, options, null)) {
        const whole = blocks.map((block): Block => ({
          ...block,
          text: text.slice(block.start - start, block.end - start),
        }));
        yield { start, text, facts, blocks: whole };
      }
    },
    async *parsePassages(source, { split, ...options }) {
      const fault = splitFault(split);
      if (fault) throw new RangeError(`${fault.field}: ${fault.message}`);
      for await (const { start, text, facts, passages } of run(source, options, split))
        yield { start, text, facts, passages: passages! };
    },
    load: () => ({ processIds: [...live].flatMap(({ id }) => id ?? []), waiting: queue.length }),
    async close() {
      closed = true;
      for (const { timer } of idle.splice(0)) clearTimeout(timer);
      for (const waiting of queue.splice(0)) waiting.fail(new Error("Parsing is closed."));
      const all = [...live];
      for (const process of all) process.kill(new Error("Parsing is closed."));
      await Promise.all(all.map((process) => process.exited()));
    },
  };
}

/** The first bytes of a file, as many as are sent at once, and whether that is all of it. */
async function beginningOf(chunks: AsyncIterator<Uint8Array>): Promise<{ beginning: Uint8Array; isWhole: boolean }> {
  const held: Uint8Array[] = [];
  let isWhole = false;
  for (let size = 0; size < chunkBytes && !isWhole;) {
    const next = await chunks.next();
    if (next.done) isWhole = true;
    else size += held[held.push(next.value) - 1]!.length;
  }
  return { beginning: held.length === 1 ? held[0]! : Buffer.concat(held), isWhole };
}

async function* chunksOf(content: DocumentSource["content"]): AsyncGenerator<Uint8Array, void, undefined> {
  if (!(Symbol.asyncIterator in content)) {
    for (let at = 0; at < content.length; at += chunkBytes) yield content.subarray(at, at + chunkBytes);
    return;
  }
  yield* content;
}
