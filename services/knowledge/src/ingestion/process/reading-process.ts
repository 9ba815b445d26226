import { fork, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { ParseFailure } from "../failures";
import { megabytes, type Limits } from "../limits";
import { memorySignal, type FromReader, type ToReader } from "./messages";

const startMs = 30_000;

// Several such processes share the cores, and the threads of each that collect garbage wait for one another more than they
// help. Nearly all that reading a file leaves is garbage at once; with the room from the beginning, less of it is looked at.
const collecting = ["--single-threaded-gc", "--min-semi-space-size=16", "--max-semi-space-size=16"];

/**
 * A process that reads documents, seen from the process that owns it. A process and not a thread, because a file can make
 * a thread take the whole process down: a large enough Map ends V8 itself, and no limit on a thread counts its buffers.
 */
export class ReadingProcess {
  documents = 0;
  private readonly child: ChildProcess;
  private readonly arrived: FromReader[] = [];
  private waiting: { resolve(message: FromReader): void; reject(reason: unknown): void } | null = null;
  private ended: { reason: unknown } | null = null;
  private killedFor: unknown = null;
  private lastWords = "";
  private readonly exit: Promise<void>;
  private workingMsLeft = startMs;
  private limits: Limits | null = null;

  constructor(heapMegabytes: number) {
    const { main, execArgv } = entry();
    this.child = fork(main, [], {
      serialization: "advanced",
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      execArgv: [`--max-old-space-size=${heapMegabytes}`, ...collecting, ...execArgv],
      // No secret of ours is within reach of a file that gets hold of a parser.
      env: { TZ: "UTC", ...(process.env["SystemRoot"] && { SystemRoot: process.env["SystemRoot"] }) },
    });
    this.child.stderr!.on(
      "data",
      (said: Buffer) => (this.lastWords = (this.lastWords + said.toString()).slice(-2_000)),
    );
    this.child.on("message", (message: FromReader) => this.arrive(message));
    this.child.on("error", (fault) => this.end(fault));
    this.exit = new Promise((resolve) => {
      this.child.once("exit", (code, signal) => {
        this.end(this.killedFor ?? this.reasonOf(code, signal));
        resolve();
      });
    });
  }

  get id(): number | undefined {
    return this.child.pid;
  }

  get alive(): boolean {
    return this.ended === null && this.killedFor === null;
  }

  /** Starts the clock of one document. */
  begin(limits: Limits): void {
    this.limits = limits;
    this.workingMsLeft = limits.workingMs;
    this.documents++;
  }

  send(message: ToReader): void {
    // One that has just died says so in `receive`.
    if (this.child.connected) this.child.send(message, () => {});
  }

  /** What the process says next. Only while somebody waits here does its time run. */
  async receive(): Promise<FromReader> {
    const said = this.arrived.shift();
    if (said) return said;
    if (this.ended) throw this.ended.reason;
    const since = performance.now();
    const timer = setTimeout(() => this.kill(this.timedOut()), Math.max(this.workingMsLeft, 1));
    try {
      return await new Promise<FromReader>((resolve, reject) => (this.waiting = { resolve, reject }));
    } finally {
      clearTimeout(timer);
      this.workingMsLeft -= performance.now() - since;
    }
  }

  /** Ends the process at once; whoever waits for it gets `reason`. */
  kill(reason: unknown): void {
    this.killedFor ??= reason;
    this.child.kill("SIGKILL");
  }

  /** Whether the owning process stays alive for this one. */
  keepOwnerAlive(keep: boolean): void {
    const method = keep ? "ref" : "unref";
    this.child[method]();
    this.child.channel?.[method]();
    (this.child.stderr as unknown as { ref(): void; unref(): void })[method]();
  }

  async exited(): Promise<void> {
    await this.exit;
  }

  private arrive(message: FromReader): void {
    const { waiting } = this;
    this.waiting = null;
    if (waiting) waiting.resolve(message);
    else this.arrived.push(message);
  }

  private end(reason: unknown): void {
    this.ended ??= { reason };
    this.waiting?.reject(this.ended.reason);
    this.waiting = null;
  }

  private timedOut(): unknown {
    if (!this.limits)
      return new Error(`The reading process didn't start within ${startMs / 1000} s. ${this.lastWords}`);
    const seconds = Math.round(this.limits.workingMs / 1000);
    return new ParseFailure(
      "TIMED_OUT",
      `Reading the file took longer than ${seconds} seconds. Split it, or save it in a simpler format.`,
    );
  }

  /** Nobody here ended it: it ran out of memory, or its watchdog ended it for its memory, or it broke. */
  private reasonOf(code: number | null, signal: NodeJS.Signals | null): unknown {
    const outOfMemory =
      signal === memorySignal ||
      ((signal === "SIGABRT" || code === 134) && /heap|memory|allocation/i.test(this.lastWords));
    if (outOfMemory && this.limits) {
      const limit = megabytes(this.limits.processBytes);
      return new ParseFailure(
        "TOO_LARGE",
        `Reading the file takes more than ${limit} of memory. Split it and upload the parts.`,
        {
          cause: this.lastWords,
        },
      );
    }
    return new Error(`The reading process ended with ${signal ?? `code ${code}`}. ${this.lastWords}`);
  }
}

/** The compiled module beside this one; where only sources are, the source through the loader that development uses. */
function entry(): { main: string; execArgv: string[] } {
  const compiled = path.join(__dirname, "reader-main.js");
  if (existsSync(compiled)) return { main: compiled, execArgv: permissions() };
  return {
    main: path.join(__dirname, "reader-main.ts"),
    execArgv: ["--require", createRequire(__filename).resolve("tsx/cjs")],
  };
}

/**
 * A parser that is taken over can read the files of the program, and do nothing else: read no other, write none, start no
 * process. From sources that isn't possible, since the loader itself writes a cache and starts the compiler.
 */
function permissions(): string[] {
  const known = ["--permission", "--experimental-permission"].find((name) =>
    process.allowedNodeEnvironmentFlags.has(name),
  );
  if (!known) return [];
  const readable = [path.dirname(__dirname)];
  for (let folder = __dirname; folder !== path.dirname(folder); folder = path.dirname(folder)) {
    for (const name of ["node_modules", "package.json"])
      if (existsSync(path.join(folder, name))) readable.push(path.join(folder, name));
  }
  return [known, "--allow-worker", ...readable.map((file) => `--allow-fs-read=${file}`)];
}
