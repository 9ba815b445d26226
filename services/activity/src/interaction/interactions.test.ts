import { consentGiven, consentPurposeDefined, consentWithdrawn } from "@atrium/events";
import { newId } from "@atrium/ids";
import { eventOf, givenPlace, member, startTestActivity, type Service, type TestPlace } from "../testing";

let service: Service;
beforeAll(async () => void (service = await startTestActivity({ env: { ACTIVITY_BATCHES_PER_MINUTE: "8" } })));
afterAll(() => service.stop());
beforeEach(() => void (service.clock.now = new Date()));

const mutation = `mutation ($input: RecordInteractionsInput!) {
  recordInteractions(input: $input) { counted detailKept } }`;
interface Answer {
  recordInteractions: { counted: number; detailKept: boolean };
}
const batchId = () => newId("bat").replace("_", "-");
const some = () => [
  { kind: "VIEW", target: "documents.list", at: new Date().toISOString(), durationMs: 1_200 },
  { kind: "VIEW", target: "documents.detail", at: new Date().toISOString() },
  { kind: "CREATE", target: "project", at: new Date().toISOString() },
];
const record = async (actor: Parameters<Service["run"]>[0], input: object = {}) =>
  (await service.run<Answer>(actor, mutation, { input: { batchId: batchId(), interactions: some(), ...input } }))
    .recordInteractions;

const consent = (userId: string, purposeVersion = 1, purpose = "analytics") => ({
  userId,
  purpose,
  purposeVersion,
  method: "SETTINGS",
});
const agree = ({ organizationId }: TestPlace, userId: string, version = 1) =>
  service.hear(eventOf(consentGiven(consent(userId, version)), { organizationId, userId }));
const details = (userId: string) =>
  service.asAdministrator("select * from interaction_batch where user_id = $1", [userId]);
/** Whatever the database holds, as text. */
const everything = async () => {
  const tables = await service.asAdministrator<{ name: string }>(
    "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')",
  );
  return JSON.stringify(await service.rowsOf(tables.map(({ name }) => name)));
};

test("without consent only coarse numbers are kept, and nothing anywhere says whose they are", async () => {
  const place = givenPlace();
  const ada = member(place, ["analytics:read"]);
  expect(await record(ada)).toEqual({ counted: 3, detailKept: false });
  await service.handled();
  const counted = await service.asAdministrator(
    "select label, value from counter where organization_id = $1 and grain = 'TOTAL' and metric = 'INTERACTIONS' order by label",
    [place.organizationId],
  );
  expect(counted).toEqual([
    { label: "CREATE", value: "1" },
    { label: "VIEW", value: "2" },
  ]);
  const all = await everything();
  expect(all).toContain(place.organizationId);
  expect(all).not.toContain(ada.userId);
  expect(all).not.toContain("documents.list");
});

test("with consent the detail is kept, and the numbers are the same", async () => {
  const place = givenPlace();
  const ada = member(place, []);
  await agree(place, ada.userId);
  expect(await record(ada)).toEqual({ counted: 3, detailKept: true });
  const [row] = await details(ada.userId);
  expect(row).toMatchObject({
    organization_id: place.organizationId,
    workspace_id: place.workspaceId,
    interactions: [
      { kind: "VIEW", target: "documents.list", durationMs: 1_200 },
      {},
      { kind: "CREATE", target: "project" },
    ],
  });
  await service.handled();
  expect(
    await service.asAdministrator("select actor_id from published_event where organization_id = $1", [
      place.organizationId,
    ]),
  ).toEqual([{ actor_id: null }]);
});

test("a withdrawal ends collection and deletes the detail; a late or repeated consent doesn't bring it back", async () => {
  const place = givenPlace();
  const { organizationId } = place;
  const ada = member(place, []);
  const { userId } = ada;
  const given = eventOf(consentGiven(consent(userId)), { organizationId, userId });
  await service.hear(given);
  await record(ada);
  await service.hear(eventOf(consentWithdrawn(consent(userId)), { organizationId, userId }));
  expect(await details(userId)).toEqual([]);
  await service.asAdministrator("delete from inbox_receipt");
  await service.hear(given);
  expect(await record(ada)).toMatchObject({ detailKept: false });
  expect(await details(userId)).toEqual([]);
});

test("what is collected while consent is withdrawn is deleted too", async () => {
  const place = givenPlace();
  const { organizationId } = place;
  const ada = member(place, []);
  const { userId } = ada;
  await agree(place, userId);
  const collecting = Promise.all(Array.from({ length: 6 }, () => record(ada)));
  await service.tell(eventOf(consentWithdrawn(consent(userId)), { organizationId, userId }));
  await collecting;
  await service.handled();
  expect(await details(userId)).toEqual([]);
});

test("consent counts in the organization that it was given in, for its person and its purpose", async () => {
  const place = givenPlace();
  const ada = member(place, []);
  await agree(givenPlace(), ada.userId);
  await agree(place, newId("usr"));
  const { organizationId } = place;
  await service.hear(
    eventOf(consentGiven(consent(ada.userId, 1, "marketing")), { organizationId, userId: ada.userId }),
  );
  expect(await record(ada)).toMatchObject({ detailKept: false });
});

test("a new version of the purpose voids the consents to earlier ones, also those that come late, until it is agreed to", async () => {
  const [place, elsewhere] = [givenPlace(), givenPlace()];
  const { organizationId } = place;
  const [ada, bob] = [member(place, []), member(elsewhere, [])];
  const define = (purpose: string, purposeVersion: number) =>
    service.hear(
      eventOf(consentPurposeDefined({ purpose, purposeVersion, legalBasis: "CONSENT" }), { organizationId }),
    );
  await agree(place, ada.userId);
  await agree(elsewhere, bob.userId);
  await define("marketing", 2);
  expect(await record(ada)).toMatchObject({ detailKept: true });

  await define("analytics", 3);
  expect(await record(ada)).toMatchObject({ detailKept: false });
  await define("analytics", 2);
  await agree(place, ada.userId, 2);
  expect(await record(ada)).toMatchObject({ detailKept: false });
  expect(await record(bob)).toMatchObject({ detailKept: true });

  await agree(place, ada.userId, 3);
  expect(await record(ada)).toMatchObject({ detailKept: true });
});

test("a batch that is sent again is counted once", async () => {
  const place = givenPlace();
  const ada = member(place, []);
  await agree(place, ada.userId);
  const id = batchId();
  await record(ada, { batchId: id });
  expect(await record(ada, { batchId: id })).toMatchObject({ counted: 0 });
  await service.handled();
  expect(await details(ada.userId)).toHaveLength(1);
  const [row] = await service.asAdministrator<{ sum: string }>(
    "select sum(value) from counter where organization_id = $1 and grain = 'TOTAL'",
    [place.organizationId],
  );
  expect(row!.sum).toBe("3");
});

test("the detail is its person's alone to read, and kept no longer than it says", async () => {
  const place = givenPlace();
  const ada = member(place, []);
  await agree(place, ada.userId);
  await record(ada);
  const seenBy = async (tenant: object) =>
    (await service.database.as(tenant).sql("select 1 from interaction_batch")).length;
  expect(await seenBy({ ...place, userId: ada.userId })).toBe(1);
  for (const other of [{ ...place, userId: newId("usr") }, place, { ...givenPlace(), userId: ada.userId }, {}])
    expect(await seenBy(other)).toBe(0);
  service.clock.now = new Date(Date.now() + 91 * 86_400_000);
  await service.prune();
  expect(await details(ada.userId)).toEqual([]);
  await service.asAdministrator("delete from counted_since");
});

test.each([
  ["no batch id", { batchId: "x" }, "input.batchId"],
  ["nothing", { interactions: [] }, "input.interactions"],
  ["too many", { interactions: Array.from({ length: 101 }, () => some()[0]) }, "input.interactions"],
  [
    "a target that is a text",
    { interactions: [{ ...some()[0], target: "Ada Lovelace's file" }] },
    "input.interactions.0.target",
  ],
  [
    "another time",
    { interactions: [some()[0], { ...some()[1], at: "2020-01-01T00:00:00Z" }] },
    "input.interactions.1.at",
  ],
  ["a negative duration", { interactions: [{ ...some()[0], durationMs: -1 }] }, "input.interactions.0.durationMs"],
])("%s is refused, and nothing is written", async (_, input, field) => {
  await service.handled();
  const before = await everything();
  await expect(record(member(givenPlace()), input)).rejects.toMatchObject({ code: "BAD_USER_INPUT", field });
  expect(await everything()).toBe(before);
});

test("who stands nowhere, or sends too much, is refused", async () => {
  const ada = member(givenPlace());
  const guest = { ...ada, kind: "GUEST" as const, organizationId: null, workspaceId: null };
  await expect(record(guest)).rejects.toMatchObject({ code: "FORBIDDEN" });
  await expect(record({ kind: "ANONYMOUS" })).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  for (let n = 0; n < 8; n++) await record(ada);
  await expect(record(ada)).rejects.toMatchObject({ code: "RATE_LIMITED" });
});
