import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { openInstallation } from "./installation";

let parent: string;
let directory: string;
beforeEach(() => {
  parent = mkdtempSync(path.join(tmpdir(), "installation-"));
  directory = path.join(parent, "data");
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

const lock = () => path.join(directory, "running.pid");

test("its secret and documents outlive it, and nobody else may read them", () => {
  const first = openInstallation(directory);
  first.write("note.json", { text: "kept" });
  first.release();
  const second = openInstallation(directory);
  expect(second.secret).toBe(first.secret);
  expect(Buffer.from(second.secret, "base64url")).toHaveLength(32);
  expect(second.read("note.json")).toEqual({ text: "kept" });
  expect(second.read("another.json")).toBeNull();
  for (const name of ["installation.json", "note.json"])
    expect(statSync(path.join(directory, name)).mode & 0o077).toBe(0);
});

test("one process holds it at a time, and leaves nothing when it goes", () => {
  const held = openInstallation(directory);
  expect(() => openInstallation(directory)).toThrow(
    `is already running on the data in ${directory} (process ${process.pid})`,
  );
  held.release();
  expect(existsSync(lock())).toBe(false);
  openInstallation(directory).release();
});

test("what a killed process left is no obstacle, nor is a stranger that has got its process id", () => {
  openInstallation(directory).release();
  const dead = "4194000\n12345\n";
  const stranger = `${process.pid}\nsome other start\n`;
  for (const left of [dead, stranger, "", "nonsense"]) {
    writeFileSync(lock(), left);
    const held = openInstallation(directory);
    expect(readFileSync(lock(), "utf8")).toMatch(new RegExp(`^${process.pid}\n`));
    held.release();
  }
});

test("a document that was damaged is named, and what to do about it", () => {
  openInstallation(directory).release();
  writeFileSync(path.join(directory, "installation.json"), "{");
  expect(() => openInstallation(directory)).toThrow(/installation\.json can't be read; put back a copy of it, or run/);
  expect(existsSync(lock())).toBe(false);
});
