import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { PassThrough, Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { folderBlobs, type BlobStore } from ".";

let directory: string;
let blobs: BlobStore;
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "atrium-blobs-"));
  blobs = await folderBlobs(directory);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const sizeMax = 10_000_000;
const from = (...chunks: (string | Buffer)[]) => Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
const textOf = async (key: string, range?: { start?: number; end?: number }) =>
  (await buffer(await blobs.read(key, range))).toString();
const files = async () =>
  (await readdir(directory, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(directory, path.join(entry.parentPath, entry.name)))
    .sort();

describe("writing", () => {
  test("what was written is read back, with its size and its SHA-256", async () => {
    const bytes = randomBytes(3_000_000);
    const chunks = [bytes.subarray(0, 1), bytes.subarray(1, 1_999_999), bytes.subarray(1_999_999)];
    expect(await blobs.write("org_1/upl_1", from(...chunks), { sizeMax })).toEqual({
      sizeBytes: bytes.length,
      sha256: createHash("sha256").update(bytes).digest("hex"),
    });
    expect((await buffer(await blobs.read("org_1/upl_1"))).equals(bytes)).toBe(true);
    const found = await blobs.stat("org_1/upl_1");
    expect(found!.sizeBytes).toBe(bytes.length);
    expect(Math.abs(found!.writtenAt.getTime() - Date.now())).toBeLessThan(10_000);
  });

  test("an empty blob is a blob", async () => {
    await blobs.write("empty", from(), { sizeMax: 0 });
    expect(await textOf("empty")).toBe("");
    expect(await blobs.stat("empty")).toMatchObject({ sizeBytes: 0 });
  });

  test("exactly the largest size is accepted, and one byte more is refused while it streams", async () => {
    await blobs.write("fits", from("12345", "67890"), { sizeMax: 10 });
    let chunksTaken = 0;
    async function* endless() {
      for (;;) {
        chunksTaken++;
        yield Buffer.alloc(1_000);
      }
    }
    await expect(blobs.write("too-big", endless(), { sizeMax: 10_000 })).rejects.toMatchObject({
      extensions: { code: "PAYLOAD_TOO_LARGE" },
    });
    expect(chunksTaken).toBe(11);
    expect(await files()).toEqual(["fits"]);
  });

  async function* breakingOff() {
    yield Buffer.from("half");
    throw new Error("connection reset");
  }
  function stalling() {
    const connection = new PassThrough();
    connection.write("half");
    return connection;
  }
  const unfinishedWrites: Record<string, () => Promise<unknown>> = {
    "is too big": () => blobs.write("key", from("too big for it"), { sizeMax: 3 }),
    "breaks off": () => blobs.write("key", breakingOff(), { sizeMax }),
    "was aborted before": () => blobs.write("key", from("never"), { sizeMax, signal: AbortSignal.abort() }),
    "is aborted on the way": () => blobs.write("key", stalling(), { sizeMax, signal: AbortSignal.timeout(50) }),
  };
  test.each(Object.keys(unfinishedWrites))("a write that %s leaves the old blob, and nothing else", async (how) => {
    await blobs.write("key", from("the old one"), { sizeMax });
    await expect(unfinishedWrites[how]!()).rejects.toThrow();
    expect(await textOf("key")).toBe("the old one");
    expect(await files()).toEqual(["key"]);
  });

  test("readers see the old blob until the new one is complete, and the stream they hold stays whole", async () => {
    await blobs.write("key", from("the old one"), { sizeMax });
    const held = await blobs.read("key");
    let finish!: () => void;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    const write = blobs.write(
      "key",
      (async function* () {
        yield Buffer.from("the new ");
        await finished;
        yield Buffer.from("one");
      })(),
      { sizeMax },
    );
    expect(await textOf("key")).toBe("the old one");
    finish();
    await write;
    expect(await textOf("key")).toBe("the new one");
    expect((await buffer(held)).toString()).toBe("the old one");
  });

  test("of many writers of one key one wins, whole", async () => {
    const texts = Array.from({ length: 20 }, (_, index) => String(index).repeat(50_000));
    await Promise.all(texts.map((text) => blobs.write("key", from(text), { sizeMax })));
    expect(texts).toContain(await textOf("key"));
    expect(await files()).toEqual(["key"]);
  });

  test("a blob can't lie beneath a blob, and the one that is there stays", async () => {
    await blobs.write("org_1/a", from("blob"), { sizeMax });
    await expect(blobs.write("org_1/a/b", from("beneath"), { sizeMax })).rejects.toThrow(TypeError);
    await expect(blobs.write("org_1", from("above"), { sizeMax })).rejects.toThrow(TypeError);
    expect(await files()).toEqual(["org_1/a"]);
    expect(await textOf("org_1/a")).toBe("blob");
  });
});

describe("reading", () => {
  beforeEach(async () => {
    await blobs.write("digits", from("0123456789"), { sizeMax });
  });

  test.each([
    [{ start: 2, end: 4 }, "234"],
    [{ start: 9 }, "9"],
    [{ end: 0 }, "0"],
    [{ start: 5, end: 1_000 }, "56789"],
  ])("the range %j gives %j", async (range, expected) => {
    expect(await textOf("digits", range)).toBe(expected);
  });

  test.each([{ start: 10 }, { start: -1 }, { start: 4, end: 3 }, { start: 1.5 }, { start: NaN }, { end: -1 }])(
    "the range %j is refused",
    async (range) => {
      await expect(blobs.read("digits", range)).rejects.toThrow(RangeError);
    },
  );

  test("what isn't there is not found, and neither is a folder", async () => {
    await blobs.write("org_1/a", from("a"), { sizeMax });
    for (const key of ["nothing", "org_1", "org_1/a/b"]) {
      await expect(blobs.read(key)).rejects.toMatchObject({ extensions: { code: "NOT_FOUND" } });
      expect(await blobs.stat(key)).toBeNull();
    }
  });
});

describe("deleting", () => {
  const texts = ["org_1/kb_1/a", "org_1/kb_1/b/c", "org_1/kb_10/a", "org_2/a"];
  beforeEach(async () => {
    for (const key of texts) await blobs.write(key, from(key), { sizeMax });
  });

  test("deletes the one blob, its empty folders, and nothing when there is none", async () => {
    await blobs.delete("org_2/a");
    await blobs.delete("org_2/a");
    await blobs.delete("org_1/kb_1");
    expect(await files()).toEqual(texts.slice(0, 3));
    await expect(stat(path.join(directory, "org_2"))).rejects.toThrow("ENOENT");
  });

  test.each(["org_1/kb_1", "org_1/kb_1/"])(
    "a prefix means a path: %s spares what only begins alike",
    async (prefix) => {
      await blobs.deletePrefix(prefix);
      await blobs.deletePrefix(prefix);
      expect(await files()).toEqual(["org_1/kb_10/a", "org_2/a"]);
    },
  );

  test("a prefix that is a blob is deleted too", async () => {
    await blobs.deletePrefix("org_2/a");
    expect(await files()).toEqual(texts.slice(0, 3));
  });

  test("writes succeed while the folders around them come and go", async () => {
    await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        await blobs.write(`busy/folder/${index}`, from("x"), { sizeMax });
        await (index % 4 === 0 ? blobs.deletePrefix("busy/folder") : blobs.delete(`busy/folder/${index}`));
      }),
    );
    await blobs.deletePrefix("busy");
    expect(await files()).toEqual(texts);
  });
});

const noKeys = [
  "",
  "/",
  ".",
  "..",
  "../secret",
  "a/../../secret",
  "a/..",
  "/etc/passwd",
  "a//b",
  "a/",
  "/a",
  "a/./b",
  "a\0b",
  "a\\..\\b",
  "C:/windows",
  ".unfinished/x",
  "a b",
  "a\nb",
  "ключ",
  "%2e%2e/x",
  "a".repeat(201),
  "a/".repeat(500) + "a",
];

test.each(noKeys.map((key) => [key.slice(0, 30), key]))("%j is no key, for no operation", async (_, key) => {
  await expect(blobs.write(key, from("x"), { sizeMax })).rejects.toThrow("is no key of a blob");
  await expect(blobs.read(key)).rejects.toThrow("is no key of a blob");
  await expect(blobs.stat(key)).rejects.toThrow("is no key of a blob");
  await expect(blobs.delete(key)).rejects.toThrow("is no key of a blob");
  if (key !== "a/") await expect(blobs.deletePrefix(key)).rejects.toThrow("is no key of a blob");
  expect(await files()).toEqual([]);
});

describe("after a crash", () => {
  const children: ChildProcess[] = [];
  afterEach(() => children.splice(0).forEach((child) => child.kill("SIGKILL")));

  test("the files of a writer that was killed are removed at the next start, those of a living one aren't", async () => {
    const killed = await startWriting();
    const living = await startWriting();
    expect(await unfinished()).toHaveLength(2);
    killed.kill("SIGKILL");
    await once(killed, "exit");

    await folderBlobs(directory);
    const [left, ...others] = await unfinished();
    expect(others).toEqual([]);
    expect(left).toContain(`.${living.pid}.`);
    expect(await files()).toEqual([path.join(".unfinished", left!), "org_1/small"]);
  });

  test("what this process id left in an earlier life is removed, and what another host left a day ago", async () => {
    const mine = (await startAndStop()).replace(/\.\d+\./, `.${process.pid}.`);
    const [elsewhere, old] = [
      "00000000.1.9d7bd2b7-0000-4000-8000-000000000000.1",
      "00000000.1.9d7bd2b7-0000-4000-8000-000000000000.2",
    ];
    for (const name of [mine, elsewhere, old]) await writeFile(path.join(directory, ".unfinished", name), "half");
    await utimes(path.join(directory, ".unfinished", old), new Date(0), new Date(0));
    await folderBlobs(directory);
    expect(await unfinished()).toEqual([elsewhere]);
  });

  const unfinished = () => readdir(path.join(directory, ".unfinished"));

  async function startWriting(): Promise<ChildProcess> {
    const child = writeOne([directory, "100000000", "50"], "pipe");
    children.push(child);
    while (!String(await once(child.stdout!, "data")).includes("wrote a chunk"));
    return child;
  }

  /** The name that a killed writer left. */
  async function startAndStop(): Promise<string> {
    const child = await startWriting();
    child.kill("SIGKILL");
    await once(child, "exit");
    return (await unfinished())[0]!;
  }
});

describe("a full disk", () => {
  const node = [process.execPath, ...nodeArguments()].map((part) => `'${part}'`).join(" ");
  const limited = (command: string[]) => spawnSync(command[0]!, command.slice(1), { encoding: "utf8" });
  // A file system of 256 KiB, in a mount namespace of its own; where that isn't allowed, a limit of the shell.
  const mayMount = limited(["unshare", "-rm", "true"]).status === 0;

  test.each([
    [
      "a file system without room",
      ["unshare", "-rm", "sh", "-c"],
      (command: string) =>
        `mount -t tmpfs -o size=256k tmpfs '${directory}' && ${command}; find '${directory}' -type f`,
      mayMount,
    ],
    [
      "a limit on the size of files",
      ["sh", "-c"],
      (command: string) => `(ulimit -f 256; ${command}); find '${directory}' -type f`,
      process.platform !== "win32",
    ],
  ])("%s gives one clear error, and leaves no half of a file", async (_, shell, script, possible) => {
    if (!possible) return console.warn("Skipped: this needs the right to mount a file system.");
    const { stdout, stderr } = limited([...shell, script(`${node} '${directory}' 1000000 0`)]);
    expect({ stdout, stderr }).toEqual({
      stdout: `SERVICE_UNAVAILABLE: The file couldn't be stored because the storage is full; an operator has to make room.\n${directory}/org_1/small\n`,
      stderr: "",
    });
  });
});

function nodeArguments(): string[] {
  return [
    "--conditions=@atrium/source",
    "--import",
    require.resolve("tsx"),
    path.join(__dirname, "testing/write-one.ts"),
  ];
}

function writeOne(given: string[], stdout: "pipe"): ChildProcess {
  return spawn(process.execPath, [...nodeArguments(), ...given], { stdio: ["ignore", stdout, "inherit"] });
}

test("only the owner may look into the files", async () => {
  if (process.platform === "win32") return;
  await blobs.write("org_1/upl_1", from("x"), { sizeMax });
  expect((await stat(path.join(directory, "org_1/upl_1"))).mode & 0o077).toBe(0);
  expect(await readFile(path.join(directory, "org_1/upl_1"), "utf8")).toBe("x");
});
