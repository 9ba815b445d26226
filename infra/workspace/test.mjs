// `npm test`: the checks (format, lint with the import rules, types, committed schemas, migrations, composition), then
// every Jest suite. Ends with one line: `N passed, N failed`, `, N skipped` where a suite lacked what it needs.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import path from "node:path";
import { bin, command, prepare, root, run } from "./prepare.mjs";

const node = process.execPath;
const script = (name, ...args) => [node, [path.join(root, "infra/workspace", name), ...args]];

// Named only when they run: before the first installation there is nothing to name.
const checks = () => [
  ["every file is formatted", [node, [bin("prettier"), "--check", "--log-level=warn", "."]]],
  ["the linter and the import rules find nothing", [node, [bin("eslint"), "--max-warnings=0", "."]]],
  ["the types hold", [node, [bin("typescript", "tsc"), "--noEmit"]]],
  ["the migrations make what the Prisma schemas say", script("check-migrations.mjs")],
  [
    "the committed schemas and supergraph are what the code says, described, and compatible",
    script("schema.mjs", "--check"),
  ],
  ["every .env.example lists its service's settings", script("settings.mjs", "--check")],
  ["docker-compose.yml has every service, and says what their settings understand", script("compose.mjs")],
];

await command(async () => {
  await prepare();
  const counted = { passed: 0, failed: 0, skipped: 0 };
  await runChecks(counted);
  if (!process.argv.includes("--checks-only")) await runJest(counted);
  const skipped = counted.skipped > 0 ? `, ${counted.skipped} skipped` : "";
  console.log(`\n${counted.passed} passed, ${counted.failed} failed${skipped}`);
  process.exitCode = counted.failed > 0 ? 1 : 0;
});

async function runChecks(counted) {
  const waiting = checks();
  const worker = async () => {
    for (let check; (check = waiting.shift());) {
      const [guarantee, [program, args]] = check;
      const start = performance.now();
      try {
        await run(program, args);
        counted.passed += 1;
        console.log(`✓ ${guarantee} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
      } catch (error) {
        counted.failed += 1;
        console.log(`✗ ${guarantee}\n${error.message}\n`);
      }
    }
  };
  await Promise.all([worker(), worker()]);
}

async function runJest(counted) {
  const folder = mkdtempSync(path.join(tmpdir(), "atrium-test-"));
  const outcome = path.join(folder, "jest.json");
  const patterns = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
  const args = [bin("jest"), "--json", `--outputFile=${outcome}`, "--maxWorkers=2", ...patterns];
  const child = spawn(node, args, { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
  const code = await new Promise((done) => child.on("close", done));
  if (!existsSync(outcome)) {
    counted.failed += 1;
    console.log(`✗ Jest ended with exit code ${code} and no outcome.`);
    return;
  }
  const result = JSON.parse(readFileSync(outcome, "utf8"));
  rmSync(folder, { recursive: true });
  counted.passed += result.numPassedTests;
  counted.failed += result.numFailedTests + result.numRuntimeErrorTestSuites;
  counted.skipped += result.numPendingTests;
  if (code !== 0 && counted.failed === 0) {
    counted.failed += 1;
    console.log(`✗ Jest ended with exit code ${code} although no test failed.`);
  }
}
