import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import { appendEvent, defineEvent, handleEvery, kafkaSettings, kafkaTransport, type EventTransport } from "../..";
import { ada, bob, changeAccount, log, noteChanges, openService, type Context } from "../ledger";

// One process of the crash tests, to be killed. It says where it is, and lingers there, so that the killing hits:
//   writer   changes accounts; `appended` in the middle of a transaction
//   worker   relays, receives and handles; `published` before the outbox is told, `effect` before the commit
// SIGUSR2 puts its clock forward or back by an hour.
const { ROLE = "", LEDGER_URL = "", REPORTS_URL = "", AUDITS_URL = "", KAFKA_BROKERS = "", PREFIX = "" } = process.env;

const lingerMs = 40;
const say = (what: string) => void process.stdout.write(`${what}\n`);
const sometimes = (oneIn: number) => Math.random() < 1 / oneIn;

const now = Date.now.bind(Date);
let offsetMs = 0;
Date.now = () => now() + offsetMs;
process.on("SIGUSR2", () => (offsetMs = offsetMs > 0 ? -3_600_000 : 3_600_000));

// Like on a machine that has other things to do: now and then nothing goes on here for a while, whatever has come meanwhile.
const stillness = new Int32Array(new SharedArrayBuffer(4));
setInterval(() => sometimes(20) && Atomics.wait(stillness, 0, 0, Math.random() * 300), 20).unref();

async function linger(what: string) {
  say(what);
  await wait(lingerMs);
}

async function write() {
  const ledger = openService("ledger", LEDGER_URL);
  // Of a version that the workers don't know.
  const newer = defineEvent("ledger.account.changed.v2", {
    subject: "accountId",
    data: { accountId: z.string(), version: z.number() },
  });
  for (let n = 1; ; n++) {
    const tenant = sometimes(2) ? ada : bob;
    const { organizationId } = tenant;
    const accountId = `${organizationId}_${Math.floor(Math.random() * 12)}`;
    const note = n % 150 === 0 ? "x".repeat(890_000) : "";
    await ledger.database
      .as(tenant)
      .transaction(async (tx) => {
        const version = await changeAccount(tx, accountId, note);
        if (sometimes(40)) {
          await appendEvent(tx, newer({ accountId, version }));
          // For the count of them, committed with them.
          await tx.effect.create({ data: { organizationId, subject: "newer", note: "" } });
        }
        if (sometimes(20)) await linger("appended");
      })
      .catch(() => wait(50)); // the database is away
    await wait(1);
  }
}

async function work() {
  const settings = kafkaSettings.parse({ KAFKA_BROKERS, KAFKA_TOPIC_PREFIX: PREFIX, KAFKA_PARTITIONS: "4" });
  const transport = kafkaTransport({ settings, secret: "a secret of tests, long enough to be one", log });
  const lingering: EventTransport = {
    ...transport,
    async publish(envelopes) {
      await transport.publish(envelopes);
      if (sometimes(10)) await linger("published");
    },
  };
  const retry = { attemptsMax: 10, firstDelayMs: 500 };
  const reports = openService("reports", REPORTS_URL);
  await reports.run(
    transport,
    [
      noteChanges(
        () => {},
        async () => {
          if (sometimes(50)) await linger("effect");
        },
      ),
    ],
    { retry },
  );
  const everything = handleEvery(async ({ db }: Context, envelopes) => {
    await db.sql(
      `insert into effect (organization_id, subject, note)
       select organization_id, subject, note
       from unnest($1::text[], $2::text[], $3::text[]) with ordinality as heard (organization_id, subject, note, nth)
       order by nth`,
      [
        envelopes.map(({ organizationid }) => organizationid),
        envelopes.map(({ subject, type }) => (type.endsWith(".v2") ? `newer ${subject}` : subject)),
        envelopes.map(({ data }) => String((data as { version: number }).version)),
      ],
    );
    if (sometimes(10)) await linger("effect");
  });
  await openService("audits", AUDITS_URL).run(transport, [everything], { retry });
  await openService("ledger", LEDGER_URL).run(lingering);
  say("ready");
}

void (ROLE === "writer" ? write() : work());
