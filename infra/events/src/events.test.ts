import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { migrate, provisionDatabase } from "@atrium/database";
import { testAdminUrl } from "@atrium/database/testing";
import {
  appendEvent,
  eventsBase,
  embeddedTransport,
  handle,
  kafkaSettings,
  kafkaTransport,
  messageRated,
  messageReceived,
  type EventTransport,
} from "@atrium/events";
import { newId } from "@atrium/ids";
import { describeWithKafka, testBroker, testPrefix } from "@atrium/kafka/testing";
import { Client } from "pg";
import {
  accountChanged,
  change,
  effects,
  effectsOf,
  eventually,
  log,
  noteChanges,
  openService,
  type Context,
  type TestService,
} from "../../../packages/events/src/testing/ledger";
import { givenPlace, startTestActivity } from "../../../services/activity/src/testing";

const secret = "a secret of tests, long enough to be one";
const main = path.join(__dirname, "command.ts");
const longMs = 30_000;

let adminUrl: string;
let ledger: TestService;
let reports: TestService;
let databases: string[];
let running: { close(): Promise<unknown> }[];
const closeAll = () => Promise.all(running.splice(0).map((each) => each.close()));
let env: Record<string, string>;

// The command finds services by the names of their databases, so that these have a server's worth of their own names.
const nameOf = (service: string) => `${service}${process.pid}`;
const names = {
  ledger: nameOf("ledger"),
  reports: nameOf("reports"),
  chat: nameOf("chat"),
  activity: nameOf("activity"),
};

async function provision(name: string) {
  databases.push(`atrium_${name}`);
  return provisionDatabase(adminUrl, name, `atrium_${name}`);
}
async function open(service: string, name: string) {
  const urls = await provision(name);
  const directory = path.join(__dirname, "../../../packages/events/prisma/migrations");
  await migrate({ ...urls, directory, base: [eventsBase] });
  const opened = openService(service, urls.appUrl);
  running.push(opened);
  return opened;
}

beforeEach(async () => {
  adminUrl = await testAdminUrl();
  databases = [];
  running = [];
  ledger = await open("ledger", names.ledger);
  reports = await open("reports", names.reports);
  env = { DATABASE_ADMIN_URL: adminUrl };
}, 60_000);
afterEach(async () => {
  await closeAll();
  const admin = new Client({ connectionString: adminUrl });
  await admin.connect();
  for (const database of databases) await admin.query(`drop database if exists "${database}" with (force)`);
  for (const name of Object.values(names)) await admin.query(`drop role if exists ${name}_owner, ${name}_app`);
  await admin.end();
}, 60_000);

function start(...args: string[]): { child: ChildProcess; output(): string } {
  const child = spawn(process.execPath, ["--conditions=@atrium/source", "--import=tsx", main, ...args], {
    env: { ...process.env, DATABASE_ADMIN_URL: "", KAFKA_BROKERS: "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout!, child.stderr!]) stream.on("data", (data: Buffer) => (output += data.toString()));
  return { child, output: () => output };
}

async function events(...args: string[]): Promise<{ output: string; code: number | null }> {
  const { child, output } = start(...args);
  await once(child, "close");
  return { output: output(), code: child.exitCode };
}

/** Everything that the commands do, the same in both shapes. */
function commandsOver(openTransport: (groups: string[]) => Promise<EventTransport>) {
  test("tail shows what is published, lag what waits, dead letters are listed, retried and discarded, and a replay is heard again", async () => {
    const transport = await openTransport(["ledger", "reports"]);
    let broken = true;
    await reports.run(transport, [
      noteChanges(({ version }) => {
        if (broken && version <= 2) throw new Error("the printer is out of paper");
      }),
    ]);
    await ledger.run(transport);
    await change(ledger, "acc_0");
    const letters = () => reports.database.asService().sql<{ id: number }>("select id from dead_letter order by id");
    await eventually(letters, ({ length }) => length === 1, longMs);

    const tailing = start("tail", "--type", accountChanged.type);
    // It shows what comes once it is there.
    for (let n = 1; !tailing.output().includes('"subject":"acc_tailed"'); n++) {
      if (n > 100) throw new Error(`Nothing was shown: ${tailing.output()}`);
      await change(ledger, "acc_tailed");
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    tailing.child.kill("SIGINT");
    await once(tailing.child, "close");
    expect(tailing.child.exitCode).toBe(0);
    expect(JSON.parse(tailing.output().trim().split("\n")[0]!)).toMatchObject({
      specversion: "1.0",
      subject: "acc_tailed",
    });

    await eventually(letters, ({ length }) => length === 3, longMs);
    const [first, second] = await letters();
    const listed = await events("dead-letters", "--service", names.reports);
    expect(listed.output).toContain(`${names.reports} ${first!.id}  FAILED  ledger.account.changed.v1  acc_0`);
    expect(listed.output).toContain("the printer is out of paper");
    expect((await events("lag")).output).toMatch(new RegExp(`${names.reports} .* 3\\n`));

    broken = false;
    expect(await events("dead-letters", "retry", "--service", names.reports, String(first!.id))).toEqual({
      output: "1 put back into the inbox.\n",
      code: 0,
    });
    expect(await effectsOf(reports, 1, "acc_0")).toEqual(["acc_0 1"]);
    const discarded = await events("dead-letters", "discard", "--service", names.reports, String(second!.id));
    expect(discarded.output).toBe("1 discarded.\n");
    expect(await letters()).toHaveLength(1);

    const since = new Date(Date.now() - 3_600_000).toISOString();
    const replayed = await events("replay", "--service", names.reports, "--type", accountChanged.type, "--from", since);
    expect(replayed.output).toMatch(/^\d+ events since .* are in the inbox of reports\d+ again\.\n$/);
    expect(await effectsOf(reports, 2, "acc_0")).toEqual(["acc_0 1", "acc_0 1"]);
  }, 120_000);

  test("a service takes back what it made of events and makes it again: what had gone wrong in it is right", async () => {
    const { activity, rows } = await givenActivity(await openTransport(["activity", "chat"]));
    const before = await rows();
    expect(before["counter"]!.length).toBeGreaterThan(0);
    await activity.asAdministrator("update counter set value = value + 7 where grain in ('DAY', 'TOTAL')");
    await activity.asAdministrator("delete from activity");
    expect(await rows()).not.toEqual(before);

    const { output, code } = await events("replay", "--service", names.activity, "--afresh", "--from", yesterday());
    expect(output).toContain(`${names.activity} has taken back what it made of 8 events since ${yesterday()}T00:00:00`);
    expect(output).toMatch(/\n8 events since .* are in the inbox of activity\d+ again\.\n$/);
    expect(code).toBe(0);
    await activity.handled();
    expect(await rows()).toEqual(before);
  }, 120_000);
}

const yesterday = () => new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);

/** The service `activity`, which has recorded six messages and two ratings that `chat` has announced. */
async function givenActivity(transport: EventTransport) {
  const chat = await open("chat", names.chat);
  const home = { ...(await provision(names.activity)), drop: async () => {} };
  const activity = await startTestActivity({ transport, home });
  running.push({ close: activity.stop });
  await chat.run(transport);
  const place = { ...givenPlace(), userId: newId("usr") };
  const [conversationId, chatbotId] = [newId("cnv"), newId("bot")];
  for (let n = 0; n < 6; n++)
    await chat.database.as(place).transaction(async (tx) => {
      const messageId = newId("msg");
      await appendEvent(tx, messageReceived({ conversationId, chatbotId, messageId }));
      if (n < 2) await appendEvent(tx, messageRated({ conversationId, chatbotId, messageId, rating: "UP" }));
    });
  const recorded = () => activity.asAdministrator("select from counted_event");
  await eventually(recorded, ({ length }) => length === 8, longMs);
  const waiting = () => chat.database.asService().sql("select from outbox_event");
  await eventually(waiting, ({ length }) => length === 0, longMs);
  return {
    activity,
    chat,
    rows: () => activity.rowsOf(["counted_event", "counter", "activity", "presence", "rated_message"]),
  };
}

describe("in the embedded shape", () => {
  commandsOver(async (groups) => embeddedTransport({ groups }));

  test("what couldn't be made again isn't taken back", async () => {
    const { activity, chat, rows } = await givenActivity(embeddedTransport({ groups: ["activity", "chat"] }));
    const before = await rows();
    const refused = async (...args: string[]) => {
      const { output, code } = await events("replay", ...args);
      expect(code).toBe(2);
      return output;
    };
    const ofActivity = ["--service", names.activity, "--afresh", "--from"];
    const [unable, noMidnight, oneType] = await Promise.all([
      refused("--service", names.chat, "--afresh", "--from", yesterday()),
      refused(...ofActivity, `${yesterday()}T01:00:00Z`),
      refused(...ofActivity, yesterday(), "--type", messageRated.type),
    ]);
    expect(unable).toContain("It can't take back what it has made of events.");
    expect(noMidnight).toContain("from a midnight of UTC on");
    expect(oneType).toContain("goes without --type");
    await chat.database.asService().sql("delete from published_event where type = $1", [messageRated.type]);
    expect(await refused(...ofActivity, yesterday())).toMatch(
      /something of 8 events .* 2 of them aren't kept any more/,
    );
    expect(await rows()).toEqual(before);
    expect(await activity.asAdministrator("select from inbox_event")).toEqual([]);
  }, 60_000);

  test("what can't be done is refused with what to do, and does nothing", async () => {
    await reports.run(embeddedTransport({ groups: [] }), [handle(accountChanged, (_: Context) => {})]);
    const refused = async (...args: string[]) => {
      const { output, code } = await events(...args);
      expect(code).toBe(2);
      return output;
    };
    const [unknown, unheard, noTime, noIds, badId, command] = await Promise.all([
      refused("dead-letters", "--service", "nobody"),
      refused("replay", "--service", names.reports, "--type", "chat.bot.published.v9", "--from", "2026-01-01"),
      refused("replay", "--service", names.reports, "--all", "--from", "yesterday"),
      refused("dead-letters", "discard", "--service", names.reports),
      refused("dead-letters", "retry", "--service", names.reports, "1;drop"),
      refused("explode"),
    ]);
    expect(unknown).toContain(`There is no service nobody. There are: `);
    expect(unheard).toContain("doesn't hear chat.bot.published.v9. It hears: ledger.account.changed.v1.");
    expect(noTime).toContain('--from takes a time like 2026-11-26T08:00:00Z, not "yesterday"');
    expect(noIds).toContain("Name their ids, or --all");
    expect(badId).toContain(`"1;drop" isn't the id of a dead letter`);
    expect(command).toContain("npm run events -- COMMAND");
    env = { ATRIUM_DATA: "/nowhere" };
    expect(await refused("lag")).toContain("No Atrium is running on /nowhere. Start it (npm start)");
    expect(await effects(reports)).toEqual([]);
  }, 60_000);
});

describeWithKafka()("in the distributed shape", () => {
  let transports: Required<EventTransport>[] = [];
  beforeEach(() => (transports = []));
  afterEach(async () => {
    await closeAll();
    await Promise.all(transports.map((each) => each.close()));
  }, 60_000);

  commandsOver(async () => {
    const KAFKA_BROKERS = await testBroker();
    const KAFKA_TOPIC_PREFIX = testPrefix();
    env = { ...env, KAFKA_BROKERS, KAFKA_TOPIC_PREFIX, ATRIUM_SECRET: secret };
    const settings = kafkaSettings.parse({ KAFKA_BROKERS, KAFKA_TOPIC_PREFIX, KAFKA_PARTITIONS: "2" });
    const transport = kafkaTransport({ settings, secret, log });
    transports.push(transport);
    return transport;
  });
});
