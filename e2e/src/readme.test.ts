import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { access } from "node:fs/promises";
import path from "node:path";
import { startAtrium, type Atrium } from "@atrium/testing";

jest.setTimeout(300_000);

const root = path.resolve(__dirname, "../..");
const readme = readFileSync(path.join(root, "README.md"), "utf8");

/** A block of commands, and the lines that it is said to print. */
interface Step {
  commands: string;
  printed: string[];
}

const steps: Step[] = [...readme.matchAll(/^```sh journey\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?/gms)].map(
  ([, commands, printed = ""]) => ({ commands: commands!, printed: printed.split("\n").filter((line) => line.trim()) }),
);

let atrium: Atrium;
beforeAll(async () => {
  atrium = await startAtrium();
});
afterAll(async () => {
  await atrium?.stop();
});

test("the commands of the README's journey work as they stand, and print what it says", async () => {
  expect(steps.length).toBeGreaterThan(10);
  const mark = "=== next step ===";
  const port = new URL(atrium.origin).port;
  // As somebody pastes them into one shell; only the port is another one here.
  const script = steps
    .map(({ commands }) => commands.replaceAll("localhost:4000", `127.0.0.1:${port}`))
    .join(`echo "${mark}"\n`);
  const outputs = (await shell(script)).split(`${mark}\n`);
  expect(outputs).toHaveLength(steps.length);
  for (const [i, { commands, printed }] of steps.entries())
    expect({ commands, missing: missingLines(printed, outputs[i]!), output: outputs[i] }).toMatchObject({
      missing: [],
    });
});

test("every file and folder that the README links to is there", async () => {
  const links = [...readme.matchAll(/\]\((?!http)([^)]+)\)/g)].map(([, link]) => link!);
  expect(links.length).toBeGreaterThan(10);
  for (const link of links) await access(path.join(root, link));
});

test("every npm command that the README names exists", () => {
  const { scripts } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as { scripts: object };
  const named = [...readme.matchAll(/npm (?:run )?([a-z:-]+)/g)]
    .map(([, name]) => name!)
    .filter((name) => name !== "install");
  for (const name of named) expect(Object.keys(scripts)).toContain(name);
});

/** Those of the lines that the output doesn't have, in order; `…` stands for anything. */
function missingLines(wanted: readonly string[], output: string): string[] {
  const lines = output.split("\n");
  let from = 0;
  return wanted.filter((line) => {
    const pattern = line.trim().split("…").map(escaped).join(".*");
    const at = lines.findIndex((given, i) => i >= from && new RegExp(`^${pattern}$`).test(given.trim()));
    if (at >= 0) from = at + 1;
    return at < 0;
  });
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Runs commands in a new shell at the root, and returns all that they print. */
function shell(script: string): Promise<string> {
  return new Promise((resolve) => {
    const env = { ...process.env, ATRIUM: atrium.origin, TOKEN: "" };
    const child = spawn("sh", ["-c", `exec 2>&1\n${script}`], { cwd: root, env });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.on("close", () => resolve(output));
  });
}
