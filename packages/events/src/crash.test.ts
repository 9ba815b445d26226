import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { embeddedTransport } from ".";
import { change, effects, effectsOf, noteChanges, startService, type TestService } from "./testing/ledger";

let ledger: TestService;
let reports: TestService;
let child: ChildProcess | undefined;

beforeEach(async () => {
  [ledger, reports] = await Promise.all([startService("ledger"), startService("reports")]);
});
afterEach(async () => {
  if (child) await kill(child);
  await Promise.all([ledger.close(), reports.close()]);
});

/** Starts a process that runs both services, and waits until it is in the middle of handling `version`. */
async function untilHandling(version: number, hangAt = 0): Promise<ChildProcess> {
  child = spawn(
    process.execPath,
    ["--conditions=@atrium/source", "--import=tsx", path.join(__dirname, "testing/crash-child.ts")],
    {
      env: { ...process.env, LEDGER_URL: ledger.url, REPORTS_URL: reports.url, HANG_AT: String(hangAt) },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  for await (const line of createInterface(child.stdout!)) if (line === `handling ${version}`) return child;
  throw new Error("The process ended by itself.");
}

async function kill(running: ChildProcess) {
  if (running.exitCode !== null || running.signalCode !== null) return;
  running.kill("SIGKILL");
  await once(running, "exit");
}

async function goOn() {
  const transport = embeddedTransport({ groups: ["ledger", "reports"] });
  await reports.run(transport, [noteChanges()]);
  await ledger.run(transport);
}

const versions = (count: number) => Array.from({ length: count }, (_, i) => `acc_1 ${i + 1}`);

test("a process killed in the middle of a handler leaves an event that is handled once, by the next", async () => {
  for (let n = 0; n < 3; n++) await change(ledger, "acc_1");
  await kill(await untilHandling(2, 2));
  const before = await effects(reports);
  expect(before).not.toContain("acc_1 2");
  await goOn();
  await effectsOf(reports, 3);
  expect(await effects(reports)).toEqual(versions(3));
});

test("processes killed again and again, wherever they are, leave one effect of each event, in order", async () => {
  const count = 400;
  let written = 0;
  const writing = (async () => {
    for (; written < count; written++) await change(ledger, "acc_1");
  })();
  for (const version of [5, 120, 260]) {
    await kill(await untilHandling(version));
    expect((await effects(reports)).length).toBeLessThan(count);
  }
  await writing;
  await goOn();
  await effectsOf(reports, count);
  expect(await effects(reports)).toEqual(versions(count));
});
