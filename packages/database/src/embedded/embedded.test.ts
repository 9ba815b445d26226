import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import {
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { removeEmbeddedPostgres, startEmbeddedPostgres } from "..";
import { urlWith, withConnection } from "../admin";
import { silent } from "../log";
import { EmbeddedPostgresError, findBinaries } from "./binaries";
import { isAlive } from "./process";
import { launch } from "./server";

const diskFull = /^The disk is full: the database in .* can't be written; free some space and start again\.$/;

// Mounting a small disk and becoming somebody else takes root.
const asRoot = process.getuid?.() === 0 ? test : test.skip;

let directory: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  // PostgreSQL's own user has to get there when we are root.
  const parent = mkdtempSync(path.join(tmpdir(), "embedded-"));
  execFileSync("chmod", ["755", parent]);
  directory = path.join(parent, "postgres");
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await removeEmbeddedPostgres(directory);
  rmSync(path.dirname(directory), { recursive: true, force: true });
});

const ask = (url: string, text: string) =>
  withConnection(url, async (client) => (await client.query(text)).rows as unknown[]);
const pidOf = () => Number(readFileSync(path.join(directory, "data/postmaster.pid"), "utf8").split("\n")[0]);

/** Another Node process that starts the database and keeps it, until it is killed. Resolves with what it prints. */
function startElsewhere(identity: { uid?: number; gid?: number } = {}): Promise<{ child: ChildProcess; said: string }> {
  const script = `
    require(${JSON.stringify(path.join(__dirname, "../index.ts"))})
      .startEmbeddedPostgres({ directory: ${JSON.stringify(directory)} })
      .then(({ adminUrl }) => console.log(adminUrl), (error) => console.log(error.message));
    setInterval(() => {}, 1000);`;
  const env = { ...process.env, HOME: path.dirname(directory), TMPDIR: path.dirname(directory) };
  const child = spawn(process.execPath, ["--import", "tsx", "-e", script], {
    ...identity,
    env,
    cwd: path.join(__dirname, "../.."),
  });
  children.push(child);
  child.stderr.on("data", (chunk: Buffer) => process.stderr.write(chunk));
  return new Promise((resolve) =>
    child.stdout.once("data", (chunk: Buffer) => resolve({ child, said: chunk.toString().trim() })),
  );
}

test("keeps data, address and password over a restart, and shows them to nobody", async () => {
  const first = await startEmbeddedPostgres({ directory });
  await ask(first.adminUrl, "create table kept as select 1 as n");
  await first.stop();
  expect(() => process.kill(pidOf(), 0)).toThrow();
  const second = await startEmbeddedPostgres({ directory });
  expect(second.adminUrl).toBe(first.adminUrl);
  expect(await ask(second.adminUrl, "select n from kept")).toEqual([{ n: 1 }]);
  for (const secret of ["password", "server.log"]) expect(statSync(path.join(directory, secret)).mode & 0o077).toBe(0);
  expect(statSync(path.join(directory, "data")).mode & 0o077).toBe(0);
  await second.stop();
});

test("listens on the loopback alone and wants the password", async () => {
  const { adminUrl, stop } = await startEmbeddedPostgres({ directory });
  const settings =
    "select name, setting from pg_settings where name in ('listen_addresses', 'unix_socket_directories', 'password_encryption') order by 1";
  expect(await ask(adminUrl, settings)).toEqual([
    { name: "listen_addresses", setting: "127.0.0.1" },
    { name: "password_encryption", setting: "scram-sha-256" },
    { name: "unix_socket_directories", setting: "" },
  ]);
  await expect(ask(urlWith(adminUrl, { password: "postgres" }), "select 1")).rejects.toThrow(
    "password authentication failed",
  );
  await stop();
});

test("stores every script, sorts by code point and knows upper from lower case", async () => {
  const { adminUrl, stop } = await startEmbeddedPostgres({ directory });
  const text =
    "select current_setting('server_encoding') as encoding, upper('straße öçñд') as upper, 'Z' < 'a' and 'z' < 'ä' as by_code_point, '你好🌍' as stored";
  expect(await ask(adminUrl, text)).toEqual([
    { encoding: "UTF8", upper: "STRAßE ÖÇÑД", by_code_point: true, stored: "你好🌍" },
  ]);
  await stop();
});

test("takes over the server of a Node process that was killed", async () => {
  const { child, said } = await startElsewhere();
  await ask(said, "create table kept as select 1 as n");
  const pid = pidOf();
  child.kill("SIGKILL");
  const server = await startEmbeddedPostgres({ directory });
  expect(server.adminUrl).toBe(said);
  expect(pidOf()).toBe(pid);
  expect(await ask(server.adminUrl, "select n from kept")).toEqual([{ n: 1 }]);
  await server.stop();
  expect(isAlive(pid)).toBe(false);
});

test("recovers when Node and PostgreSQL were both killed in the middle of a write", async () => {
  const { child, said } = await startElsewhere();
  await ask(said, "create table kept as select 1 as n");
  const writing = ask(said, "insert into kept select n from generate_series(1, 10000000) n").catch(() => {});
  child.kill("SIGKILL");
  process.kill(pidOf(), "SIGKILL");
  await writing;
  const server = await startEmbeddedPostgres({ directory });
  expect(await ask(server.adminUrl, "select n from kept")).toEqual([{ n: 1 }]);
  await server.stop();
});

test("refuses a directory that a living process uses, and leaves it alone", async () => {
  const { child, said } = await startElsewhere();
  await expect(startEmbeddedPostgres({ directory })).rejects.toThrow(
    `is in use by process ${child.pid}; stop that first.`,
  );
  expect(await ask(said, "select 1 as n")).toEqual([{ n: 1 }]);
});

test("started twice at once in a new directory, one gets it and the other is told", async () => {
  const starts = await Promise.all([startElsewhere(), startElsewhere()]);
  const said = starts.map((start) => start.said).sort();
  expect(said[0]).toMatch(/is in use by process \d+; stop that first\.$/);
  expect(said[1]).toMatch(/^postgresql:/);
});

test("a server that dies is started again on the same port", async () => {
  const { adminUrl, stop } = await startEmbeddedPostgres({ directory });
  const pid = pidOf();
  process.kill(pid, "SIGKILL");
  for (;;) {
    const answer = await ask(adminUrl, "select 1 as n").catch(() => null);
    if (answer && pidOf() !== pid) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await stop();
});

test("a process id file left from before a restart of the machine is no obstacle", async () => {
  const first = await startEmbeddedPostgres({ directory });
  const left = readFileSync(path.join(directory, "data/postmaster.pid"), "utf8");
  await first.stop();
  for (const pid of [process.pid, 4_194_000]) {
    writeFileSync(path.join(directory, "data/postmaster.pid"), left.replace(/^\d+/, String(pid)));
    const next = await startEmbeddedPostgres({ directory });
    await next.stop();
  }
  expect(isAlive(process.pid)).toBe(true);
});

test("an interrupted first start is begun anew", async () => {
  mkdirSync(path.join(directory, "data.new/base"), { recursive: true });
  writeFileSync(path.join(directory, "start.lock"), "4194000");
  const { stop } = await startEmbeddedPostgres({ directory });
  await stop();
});

test("a port that somebody else took meanwhile is replaced", async () => {
  const first = await startEmbeddedPostgres({ directory });
  await first.stop();
  const squatter = createServer().listen(first.port, "127.0.0.1");
  await new Promise((resolve) => squatter.once("listening", resolve));
  const second = await startEmbeddedPostgres({ directory });
  expect(second.port).not.toBe(first.port);
  expect(await ask(second.adminUrl, "select 1 as n")).toEqual([{ n: 1 }]);
  await second.stop();
  await new Promise((resolve) => squatter.close(resolve));
});

test("data is never made where something else lies", async () => {
  mkdirSync(path.join(directory, "data"), { recursive: true });
  writeFileSync(path.join(directory, "data/thesis.txt"), "ten years of work");
  await expect(startEmbeddedPostgres({ directory })).rejects.toThrow("holds something that isn't a database");
  expect(readFileSync(path.join(directory, "data/thesis.txt"), "utf8")).toBe("ten years of work");
});

describe("what stands in the way is told in one sentence", () => {
  const failure = async (options: { binaries?: string } = {}) => {
    const error = await launch({ directory, log: silent, ...options }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(EmbeddedPostgresError);
    return (error as Error).message;
  };

  test("a library is missing", async () => {
    const binaries = path.join(path.dirname(directory), "native");
    cpSync(findBinaries().directory, binaries, { recursive: true, verbatimSymlinks: true });
    rmSync(path.join(binaries, "lib/libicuuc.so.60"));
    expect(await failure({ binaries })).toMatch(
      /^PostgreSQL needs the library libicuuc\.so\.60, which this machine lacks; install it/,
    );
  });

  test("the data is of another version", async () => {
    const { stop } = await startEmbeddedPostgres({ directory });
    await stop();
    writeFileSync(path.join(directory, "data/PG_VERSION"), "17\n");
    expect(await failure()).toMatch(/was made by PostgreSQL 17, which isn't the version installed here/);
  });

  test("the password is gone", async () => {
    const { stop } = await startEmbeddedPostgres({ directory });
    await stop();
    rmSync(path.join(directory, "password"));
    expect(await failure()).toMatch(/password is missing, and without it .* can't be opened/);
  });

  asRoot("the disk is full, at any point of the first start", async () => {
    mkdirSync(directory);
    for (const size of ["100k", "8m", "30m"]) {
      execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size},mode=755`, "tmpfs", directory]);
      try {
        expect(await failure()).toMatch(diskFull);
      } finally {
        execFileSync("umount", [directory]);
      }
    }
  });

  asRoot("the disk is full at a later start", async () => {
    mkdirSync(directory);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=200m,mode=755", "tmpfs", directory]);
    try {
      const { stop } = await startEmbeddedPostgres({ directory });
      await stop();
      spawnSync("dd", ["if=/dev/zero", `of=${path.join(directory, "ballast")}`, "bs=64k"], { stdio: "ignore" });
      expect(await failure()).toMatch(diskFull);
      rmSync(path.join(directory, "ballast"));
      const { stop: stopAgain } = await startEmbeddedPostgres({ directory });
      await stopAgain();
    } finally {
      execFileSync("umount", [directory]);
    }
  });
});

asRoot("an ordinary user starts it as themselves, and root can after them", async () => {
  const nobody = { uid: 65_534, gid: 65_534 };
  chownSync(path.dirname(directory), nobody.uid, nobody.gid);
  const { child, said } = await startElsewhere(nobody);
  expect(said).toMatch(/^postgresql:/);
  expect(statSync(path.join(directory, "data")).uid).toBe(nobody.uid);
  child.kill("SIGKILL");
  const server = await startEmbeddedPostgres({ directory });
  await server.stop();
  const again = await startEmbeddedPostgres({ directory });
  expect(again.adminUrl).toBe(said);
  await again.stop();
});

asRoot("works where only root may look, and its removal leaves nothing", async () => {
  execFileSync("chmod", ["700", path.dirname(directory)]);
  const first = await startEmbeddedPostgres({ directory });
  await ask(first.adminUrl, "create table kept as select 1 as n");
  await first.stop();
  const second = await startEmbeddedPostgres({ directory });
  expect(await ask(second.adminUrl, "select n from kept")).toEqual([{ n: 1 }]);
  const place = readlinkSync(path.join(directory, "data"));
  expect(statSync(place).mode & 0o077).toBe(0);
  await second.stop();
  await removeEmbeddedPostgres(directory);
  expect([existsSync(place), existsSync(directory)]).toEqual([false, false]);
});
