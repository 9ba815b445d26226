import { embeddedTransport, type Envelope } from "@atrium/events";
import { newId, newUuid } from "@atrium/ids";
import { actorOf, startTestTenancy, until, type Tenancy } from "../testing";

const transport = embeddedTransport({ groups: ["tenancy"] });
const publish = jest.spyOn(transport, "publish");
let tenancy: Tenancy;
beforeAll(async () => void (tenancy = await startTestTenancy({ transport })));
afterAll(() => tenancy?.stop());

const registered = (userId: string): Envelope => ({
  specversion: "1.0",
  id: newUuid(),
  source: "/atrium/identity",
  type: "identity.user.registered.v1",
  subject: userId,
  time: new Date().toISOString(),
  datacontenttype: "application/json",
  actorid: userId,
  data: { userId, method: "EMAIL" },
});

const membershipsOf = async (userId: string) =>
  (await tenancy.rowsOf("organization_member")).filter((row) => row.user_id === userId);

test("whoever registers begins in an organization of their own, with a workspace, as its owner", async () => {
  const userId = newId("usr");
  await transport.publish([registered(userId)]);
  const [member] = await until(
    () => membershipsOf(userId),
    ({ length }) => length > 0,
  );
  const organizationId = member!.organization_id as string;
  const { contexts } = (await tenancy.subgraph.internal.defaultContexts!({ userIds: [userId] })) as {
    contexts: { organizationId: string; workspaceId: string }[];
  };
  const workspaceId = contexts[0]!.workspaceId;
  expect(contexts).toEqual([{ organizationId, workspaceId: expect.stringMatching(/^wsp_/) }]);
  expect((await actorOf(tenancy, userId, contexts[0])).permissions).toContain("*");
  const announced = () =>
    publish.mock.calls
      .flatMap(([envelopes]) => envelopes)
      .filter(({ organizationid }) => organizationid === organizationId);
  const envelopes = await until(
    async () => announced(),
    ({ length }) => length === 4,
  );
  expect(envelopes.map(({ type, actorid, workspaceid }) => [type, actorid, workspaceid])).toEqual([
    ["tenancy.organization.created.v1", userId, undefined],
    ["tenancy.membership.granted.v1", userId, undefined],
    ["tenancy.workspace.created.v1", userId, workspaceId],
    ["tenancy.membership.granted.v1", userId, workspaceId],
  ]);
});

test("told twice that somebody registered, by one event or two, tenancy founds one organization", async () => {
  const userId = newId("usr");
  const once = registered(userId);
  await transport.publish([once]);
  await transport.publish([once, registered(userId)]);
  // Handled without a fault: what fails stays to be tried again.
  await until(
    () => tenancy.rowsOf("inbox_event"),
    ({ length }) => length === 0,
  );
  expect(await membershipsOf(userId)).toHaveLength(1);
  const mine = (await tenancy.rowsOf("organization")).filter((row) => row.founded_for_user_id === userId);
  expect(mine).toHaveLength(1);
});
