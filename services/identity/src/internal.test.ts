import { newId } from "@atrium/ids";
import { givenPerson, startTestIdentity, type Identity } from "./testing";

let identity: Identity;
beforeAll(async () => void (identity = await startTestIdentity()));
afterAll(() => identity?.stop());

test("live sessions are told apart from those that ended or never were", async () => {
  const [ada, grace] = [await givenPerson(identity), await givenPerson(identity)];
  await identity.run("mutation { signOut { session { id } } }", {}, { actor: grace.actor });
  const ask = (sessionIds: string[]) => identity.subgraph.internal.liveSessions!({ sessionIds });
  expect(await ask([ada.sessionId, grace.sessionId, newId("ses"), ada.sessionId])).toEqual({
    liveSessionIds: [ada.sessionId],
  });
  expect(await ask([])).toEqual({ liveSessionIds: [] });
});

test("users are found by their addresses, however these are spelt", async () => {
  const ada = await givenPerson(identity);
  const emails = ["nobody@example.org", ada.email.toUpperCase(), "no address", ` ${ada.email}`];
  expect(await identity.subgraph.internal.usersByEmail!({ emails })).toEqual({
    userIds: [null, ada.userId, null, ada.userId],
  });
});

test.each([
  ["liveSessions", { sessionIds: "ses_1" }],
  ["liveSessions", null],
  ["apiKeys", { secrets: [7] }],
  ["apiKeys", { secrets: Array.from({ length: 10_001 }, () => "atr_") }],
])("%s doesn't answer a question of another form", async (name, input) => {
  await expect(identity.subgraph.internal[name]!(input)).rejects.toThrow();
});

test("the database shows a user's rows to that user alone", async () => {
  const [ada, eve] = [await givenPerson(identity), await givenPerson(identity)];
  const { database } = identity;
  const seen = async (tenant: object) => {
    const db = database.as(tenant);
    return [
      await db.user.count({ where: { id: ada.userId } }),
      await db.signInMethod.count({ where: { userId: ada.userId } }),
      await db.session.count({ where: { userId: ada.userId } }),
      await db.refreshToken.count({ where: { userId: ada.userId } }),
      await db.signingKey.count(),
    ];
  };
  expect(await seen({ userId: ada.userId })).toEqual([1, 1, 1, 1, 0]);
  for (const tenant of [{}, { userId: eve.userId }, { userId: eve.userId, organizationId: newId("org") }])
    expect(await seen(tenant)).toEqual([0, 0, 0, 0, 0]);
  const stolen = database
    .as({ userId: eve.userId })
    .session.updateMany({ where: { id: ada.sessionId }, data: { userId: eve.userId } });
  expect(await stolen).toEqual({ count: 0 });
  await expect(
    database
      .as({ userId: eve.userId })
      .membership.create({ data: { id: newId("mem"), userId: eve.userId, organizationId: newId("org") } }),
  ).rejects.toThrow();
});
