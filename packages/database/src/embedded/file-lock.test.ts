import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { withFileLock } from "./file-lock";

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), "lock-"));
  file = path.join(directory, "lock");
});
afterEach(() => rmSync(directory, { recursive: true }));

test("one is within at a time, and nothing is left behind", async () => {
  let within = 0;
  const work = async () => {
    expect(++within).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 5));
    within--;
  };
  await Promise.all(Array.from({ length: 10 }, () => withFileLock(file, work)));
  expect(readdirSync(directory)).toEqual([]);
});

test("work that fails frees the lock", async () => {
  await expect(withFileLock(file, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(await withFileLock(file, async () => "next")).toBe("next");
});

test("the lock of a dead process is taken over", async () => {
  writeFileSync(file, "4194000");
  expect(await withFileLock(file, async () => "mine")).toBe("mine");
});

test("a lock that nobody renews is taken over, whoever has its process id now", async () => {
  writeFileSync(file, String(process.pid));
  let entered = false;
  const waiting = withFileLock(file, async () => void (entered = true));
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect([entered, existsSync(file)]).toEqual([false, true]);
  const longAgo = new Date(Date.now() - 60_000);
  utimesSync(file, longAgo, longAgo);
  await waiting;
  expect(entered).toBe(true);
});
