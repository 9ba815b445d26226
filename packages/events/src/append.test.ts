import { z } from "zod";
import { appendEvent, defineEvent, embeddedTransport, envelopeBytesMax, type EventDraft } from ".";
import { accountChanged, ada, bob, change, inTrace, startService, type TestService } from "./testing/ledger";

let ledger: TestService;
beforeAll(async () => {
  ledger = await startService("ledger");
});
afterAll(() => ledger.close());

interface Appended {
  type: string;
  organization_id: string | null;
  workspace_id: string | null;
  actor_id: string | null;
  traceparent: string | null;
}
/** What is in the outbox since it was last asked for. */
const appended = () =>
  ledger.database
    .asService()
    .sql<Appended>("delete from outbox_event returning type, organization_id, workspace_id, actor_id, traceparent");

const append = (tenant: object, draft: EventDraft, about?: object) =>
  ledger.database.as(tenant).transaction((tx) => appendEvent(tx, draft, about));
const draft = accountChanged({ accountId: "acc_1", version: 1 });

test("the tenant and the actor of the transaction are those of the event", async () => {
  await append(ada, draft);
  await append({ userId: "usr_new" }, draft);
  await append({ organizationId: "org_a", userId: "usr_ada" }, draft, { workspaceId: "wsp_new" });
  expect((await appended()).map((row) => [row.organization_id, row.workspace_id, row.actor_id])).toEqual([
    ["org_a", "wsp_a", "usr_ada"],
    [null, null, "usr_new"],
    ["org_a", "wsp_new", "usr_ada"],
  ]);
});

test.each([
  ["another organization", ada, { organizationId: "org_b" }],
  ["no organization", ada, { organizationId: null, workspaceId: null }],
  ["another workspace, from within one", ada, { workspaceId: "wsp_b" }],
  ["another actor", ada, { userId: "usr_bob" }],
  ["an organization, by somebody in none", { userId: "usr_ada" }, { organizationId: "org_a" }],
])("a tenant can't announce for %s, and nothing is written", async (_, tenant, about) => {
  await expect(append(tenant, draft, about)).rejects.toMatchObject({ name: "EventRefused", reason: "TENANT" });
  expect(await appended()).toEqual([]);
});

test("the service itself may announce for anybody", async () => {
  await ledger.database.asService().transaction((tx) => appendEvent(tx, draft, bob));
  expect(await appended()).toMatchObject([{ organization_id: "org_b", actor_id: "usr_bob" }]);
});

test("a tenant reads no event, not even its own", async () => {
  await append(ada, draft);
  for (const table of ["outbox_event", "published_event", "inbox_event", "inbox_receipt", "dead_letter"])
    expect(await ledger.database.as(ada).sql(`select * from ${table}`)).toEqual([]);
  expect(await ledger.database.as(ada).sql("delete from outbox_event returning id")).toEqual([]);
  expect(await appended()).toHaveLength(1);
});

test("data that doesn't fit is refused before anything is written, naming the field", () => {
  expect(() => accountChanged({ accountId: "acc_1", version: 1.5 })).toThrow(
    /ledger.account.changed.v1 was refused. version: /,
  );
  expect(() => accountChanged({ accountId: "", version: 1 })).toThrow("accountId: must be the id of its subject");
  expect(() => accountChanged({ accountId: "acc_1", version: 1, ownerName: "A person" } as never)).toThrow(/ownerName/);
});

test("an event that is too big is refused, and nothing is written", async () => {
  const big = (length: number) => accountChanged({ accountId: "acc_1", version: 1, note: "é".repeat(length / 2) });
  await expect(append(ada, big(envelopeBytesMax))).rejects.toMatchObject({ name: "EventRefused", reason: "SIZE" });
  expect(await appended()).toEqual([]);
  await append(ada, big(envelopeBytesMax - 1_000));
  expect(await appended()).toHaveLength(1);
});

test("only a definition makes an event", async () => {
  // @ts-expect-error a look-alike isn't a draft
  const forged: EventDraft = { type: "ledger.account.changed.v1", subject: "acc_1", data: {} };
  await expect(append(ada, forged)).rejects.toMatchObject({ name: "EventRefused", reason: "DATA" });
});

test("an event's type says service, noun, act and version", () => {
  for (const type of [
    "changed",
    "ledger.changed",
    "ledger.account.changed",
    "Ledger.account.changed.v1",
    "ledger..changed.v1",
    "ledger.account.changed.v0",
  ])
    expect(() => defineEvent(type, { subject: "id", data: { id: z.string() } })).toThrow("isn't <service>");
});

test("an event carries the trace that caused it", async () => {
  await inTrace("0af7651916cd43dd8448eb211c80319c", () => change(ledger, "acc_1"));
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  expect(await appended()).toMatchObject([{ traceparent }]);
});

test("old receipts and published events are pruned, younger ones kept", async () => {
  const service = ledger.database.asService();
  const insert = (days: number, n: number) =>
    service.sql(
      `with receipt as (insert into inbox_receipt (consumer_group, id, received_at)
         values ('ledger', gen_random_uuid(), now() - $1 * interval '1 day'))
       insert into published_event (position, id, type, subject, time, data, size_bytes, published_at)
       values ($2, gen_random_uuid(), 't', 's', now(), '{}', 2, now() - $1 * interval '1 day')`,
      [days, n],
    );
  await insert(15, 1);
  await insert(13, 2);
  const events = await ledger.run(embeddedTransport({ groups: [] }));
  const remaining = async () => ({
    receipts: (await service.sql("select 1 from inbox_receipt")).length,
    published: (await service.sql("select position from published_event")).length,
  });
  for (let n = 0; n < 100 && (await remaining()).receipts > 1; n++)
    await new Promise((resolve) => setTimeout(resolve, 20));
  expect(await remaining()).toEqual({ receipts: 1, published: 1 });
  await events.stop();
});
