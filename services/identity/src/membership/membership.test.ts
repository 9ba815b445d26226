import { embeddedTransport, type Envelope } from "@atrium/events";
import { newId, newUuid } from "@atrium/ids";
import { givenPerson, givenPlace, startTestIdentity, type Identity } from "../testing";

const transport = embeddedTransport({ groups: ["identity"] });
let identity: Identity;
beforeAll(async () => void (identity = await startTestIdentity({ transport })));
afterAll(() => identity?.stop());

const event = (type: string, subject: string, organizationid: string, data: object): Envelope => ({
  specversion: "1.0",
  id: newUuid(),
  source: "/atrium/tenancy",
  type,
  subject,
  time: new Date().toISOString(),
  datacontenttype: "application/json",
  organizationid,
  data,
});

const memberships = async (organizationId: string) =>
  (await identity.database.asService().membership.findMany({ where: { organizationId }, orderBy: { id: "asc" } })).map(
    ({ id, userId, workspaceId }) => ({ id, userId, workspaceId }),
  );

async function until<Value>(read: () => Promise<Value>, wanted: (value: Value) => boolean): Promise<Value> {
  for (const started = Date.now(); ;) {
    const value = await read();
    if (wanted(value)) return value;
    if (Date.now() - started > 10_000) throw new Error(`Waited in vain; it stayed ${JSON.stringify(value)}.`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test("memberships are remembered when they are granted, told twice or not, and forgotten when they are revoked", async () => {
  const { organizationId, workspaceId } = givenPlace();
  const userId = newId("usr");
  const [mem, wmem] = [newId("mem"), newId("wmem")];
  const inOrganization = { membershipId: mem, userId, workspaceId: null };
  const inWorkspace = { membershipId: wmem, userId, workspaceId };
  const granted = [
    event("tenancy.membership.granted.v1", mem, organizationId, { ...inOrganization, role: "member" }),
    event("tenancy.membership.granted.v1", wmem, organizationId, { ...inWorkspace, role: "editor" }),
  ];
  await transport.publish(granted);
  await transport.publish(granted);
  expect(
    await until(
      () => memberships(organizationId),
      ({ length }) => length >= 2,
    ),
  ).toEqual([
    { id: mem, userId, workspaceId: null },
    { id: wmem, userId, workspaceId },
  ]);
  await transport.publish([event("tenancy.membership.revoked.v1", wmem, organizationId, inWorkspace)]);
  expect(
    await until(
      () => memberships(organizationId),
      ({ length }) => length < 2,
    ),
  ).toEqual([{ id: mem, userId, workspaceId: null }]);
});

test("an organization that is deleted is forgotten, and no other", async () => {
  const [gone, stays] = [givenPlace(), givenPlace()];
  const userId = newId("usr");
  for (const { organizationId } of [gone, stays]) {
    const membershipId = newId("mem");
    await transport.publish([
      event("tenancy.membership.granted.v1", membershipId, organizationId, {
        membershipId,
        userId,
        workspaceId: null,
        role: "owner",
      }),
    ]);
    await until(
      () => memberships(organizationId),
      ({ length }) => length === 1,
    );
  }
  const { organizationId } = gone;
  await transport.publish([
    event("tenancy.organization.deleted.v1", organizationId, organizationId, {
      organizationId,
      erasedAt: "2027-01-01T00:00:00Z",
    }),
  ]);
  await until(
    () => memberships(organizationId),
    ({ length }) => length === 0,
  );
  expect(await memberships(stays.organizationId)).toHaveLength(1);
});

test("what identity announces leaves its outbox in order", async () => {
  const heard: string[] = [];
  const { stop } = await transport.subscribe({
    group: "listener",
    types: ["identity.user.registered.v1", "identity.user.signed_in.v1"],
    deliver: async (envelopes) => void heard.push(...envelopes.map((envelope) => (envelope as Envelope).type)),
  });
  await givenPerson(identity);
  await until(
    async () => heard.length,
    (count) => count >= 2,
  );
  await stop();
  expect(heard).toEqual(["identity.user.registered.v1", "identity.user.signed_in.v1"]);
});
