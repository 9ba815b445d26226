import { appendEvent, causedBy, embeddedTransport, handleEvery, originSeal, type Envelope } from ".";
import {
  accountChanged,
  ada,
  change,
  changeAccount,
  eventually,
  startService,
  type Context,
  type TestService,
} from "./testing/ledger";

let ledger: TestService;
let reports: TestService;
let heard: Envelope[];

beforeEach(async () => {
  heard = [];
  [ledger, reports] = await Promise.all([startService("ledger"), startService("reports")]);
  const transport = embeddedTransport({ groups: ["ledger", "reports"] });
  await ledger.run(transport);
  await reports.run(transport, [handleEvery((_: Context, envelopes) => void heard.push(...envelopes))]);
});
afterEach(() => Promise.all([ledger.close(), reports.close()]));

const heardSoon = async (count: number) => {
  await eventually(
    async () => heard,
    ({ length }) => length >= count,
  );
  return heard.map(({ subject, agentid, sealedorigin }) => ({ subject, agentid, sealedorigin }));
};

test("an event says what acted for its actor, and where the request came from", async () => {
  await causedBy({ agentId: "key_1", origin: () => "sealed" }, () => change(ledger, "acc_1"));
  await causedBy({}, () => change(ledger, "acc_2"));
  await change(ledger, "acc_3");
  const events = await heardSoon(3);
  expect(events.sort((one, other) => (one.subject < other.subject ? -1 : 1))).toEqual([
    { subject: "acc_1", agentid: "key_1", sealedorigin: "sealed" },
    // People themselves.
    { subject: "acc_2", agentid: undefined, sealedorigin: undefined },
    // No request: the service, by itself.
    { subject: "acc_3", agentid: "ledger", sealedorigin: undefined },
  ]);
});

test("requests at the same time keep their causes apart", async () => {
  await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      causedBy({ agentId: `key_${i}` }, () =>
        ledger.database.as(ada).transaction(async (tx) => {
          await changeAccount(tx, `acc_${i}`);
          await changeAccount(tx, `acc_${i}`);
        }),
      ),
    ),
  );
  const events = await heardSoon(40);
  expect(events.filter(({ subject, agentid }) => agentid !== subject.replace("acc", "key"))).toEqual([]);
});

test("what a handler announces is its service's doing, not the request's that it was called in", async () => {
  const tellings = await startService("ledger");
  try {
    const transport = embeddedTransport({ groups: ["ledger"] });
    const told: Envelope[] = [];
    const every = handleEvery(async ({ db }: Context, envelopes) => {
      told.push(...envelopes);
      if (told.length > 1) return;
      await appendEvent(db, accountChanged({ accountId: "acc_2", version: 1 }), ada);
    });
    // Its loops are begun within a request, and so are what they call.
    await causedBy({ agentId: "key_1" }, async () => {
      await tellings.run(transport, [every]);
      await change(tellings, "acc_1");
    });
    await eventually(
      async () => told,
      ({ length }) => length === 2,
    );
    expect(told.map(({ subject, agentid }) => [subject, agentid])).toEqual([
      ["acc_1", "key_1"],
      ["acc_2", "ledger"],
    ]);
  } finally {
    await tellings.close();
  }
});

describe("an origin", () => {
  const { seal, open } = originSeal(Buffer.alloc(32, 1));
  const origin = { network: "203.0.113.0/24", userAgent: "Firefox on Linux" };

  test("is read by who has the key, and differs each time", () => {
    expect(open(seal(origin))).toEqual(origin);
    expect(seal(origin)).not.toBe(seal(origin));
    expect(seal(origin)).toMatch(/^[\w-]+$/);
    expect(open(seal({ network: null, userAgent: null }))).toEqual({ network: null, userAgent: null });
  });

  test("tells nothing to another service, nor when it was altered or cut", () => {
    const sealed = seal(origin);
    expect(originSeal(Buffer.alloc(32, 2)).open(sealed)).toBeNull();
    expect(open(`${sealed.slice(0, -4)}AAAA`)).toBeNull();
    expect(open(sealed.slice(0, 20))).toBeNull();
    expect(open("")).toBeNull();
  });

  test("of an overlong device is cut, so that it always fits", () => {
    const sealed = seal({ network: null, userAgent: "x".repeat(100_000) });
    expect(open(sealed)!.userAgent).toHaveLength(400);
    expect(seal({ network: null, userAgent: "\u{1f600}".repeat(400) }).length).toBeLessThan(4_000);
  });
});
