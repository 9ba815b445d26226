import { execFile } from "node:child_process";
import path from "node:path";

/** What a process that runs `code` with `log` at hand writes to its standard output, line by line. */
const said = (code: string): Promise<Record<string, unknown>[]> =>
  new Promise((resolve) => {
    const script = `const { createLog } = require(${JSON.stringify(path.join(__dirname, "log.ts"))});
      const log = createLog("knowledge"); const other = createLog("chat"); ${code}`;
    execFile(
      process.execPath,
      ["--conditions=@atrium/source", "--import=tsx", "--input-type=commonjs", "--eval", script],
      { cwd: __dirname },
      (_, output) =>
        resolve(
          output
            .trim()
            .split("\n")
            .map((line) => JSON.parse(line) as Record<string, unknown>),
        ),
    );
  });

test.each([
  ["goes on", ""],
  ["exits", "process.exit(0);"],
  ["crashes", "throw new Error('this once');"],
])("all lines of a turn are written, in order, when the process %s", async (_, end) => {
  const lines = await said(`for (let n = 0; n < 200; n++) (n % 2 ? log : other).info({ n }, "x".repeat(200)); ${end}`);
  expect(lines.map(({ n, service }) => ({ n, service }))).toEqual(
    Array.from({ length: 200 }, (_, n) => ({ n, service: n % 2 ? "knowledge" : "chat" })),
  );
});
