import jwt from "jsonwebtoken";
import {
  dataOf,
  givenMembership,
  givenPerson,
  givenPlace,
  guestMutation,
  refreshMutation,
  startTestIdentity,
  type Auth,
  type Identity,
} from "../testing";

let identity: Identity;
beforeAll(async () => void (identity = await startTestIdentity()));
afterAll(() => identity?.stop());

const refresh = async (refreshToken: string): Promise<Auth> =>
  dataOf<{ refreshSession: Auth }>(await identity.run(refreshMutation, { input: { refreshToken } })).refreshSession;
const refused = [{ code: "INVALID_REFRESH_TOKEN", message: expect.any(String), path: ["refreshToken"] }];
const lives = async (sessionId: string) =>
  ((await identity.subgraph.internal.liveSessions!({ sessionIds: [sessionId] })) as { liveSessionIds: string[] })
    .liveSessionIds.length === 1;

test("a refresh token is exchanged for the next one and a new access token of the same session", async () => {
  const ada = await givenPerson(identity);
  identity.pass(600);
  const auth = await refresh(ada.refreshToken);
  expect(auth.refreshToken).toMatch(/^[\w-]{43}$/);
  expect(auth.refreshToken).not.toBe(ada.refreshToken);
  expect(jwt.decode(auth.accessToken)).toMatchObject({ sub: ada.userId, sid: ada.sessionId });
  const next = await refresh(auth.refreshToken);
  expect(next.userErrors).toEqual([]);
  expect(await identity.announced()).toEqual([]);
});

test("tokens rest as hashes alone", async () => {
  const ada = await givenPerson(identity);
  const { refreshToken } = await refresh(ada.refreshToken);
  const stored = JSON.stringify(
    await identity.database.asService().sql("select encode(hash, 'escape'), t::text from refresh_token t"),
  );
  for (const token of [ada.refreshToken, refreshToken]) expect(stored).not.toContain(token);
});

test("one token used twice at once gives one successor, and both callers have it", async () => {
  const ada = await givenPerson(identity);
  const before = await identity.rows();
  const answers = await Promise.all(Array.from({ length: 5 }, () => refresh(ada.refreshToken)));
  expect(new Set(answers.map(({ refreshToken }) => refreshToken)).size).toBe(1);
  expect((await identity.rows()).refresh_token).toBe(before.refresh_token! + 1);
  expect((await refresh(answers[0]!.refreshToken)).userErrors).toEqual([]);
  expect(await identity.announced()).toEqual([]);
});

test("an answer that was lost can be had again within ten seconds", async () => {
  const ada = await givenPerson(identity);
  const first = await refresh(ada.refreshToken);
  identity.pass(9);
  expect((await refresh(ada.refreshToken)).refreshToken).toBe(first.refreshToken);
  expect(await lives(ada.sessionId)).toBe(true);
});

test.each([
  ["later than ten seconds", async () => identity.pass(11)],
  ["after its successor was used", async (successor: string) => void (await refresh(successor))],
])("an old token %s ends the session, and says so in the audit", async (_, meanwhile) => {
  const ada = await givenPerson(identity);
  const { refreshToken: successor } = await refresh(ada.refreshToken);
  await meanwhile(successor);
  expect((await refresh(ada.refreshToken)).userErrors).toEqual(refused);
  const ids = { userId: ada.userId, sessionId: ada.sessionId };
  expect(await identity.announced()).toEqual([
    { type: "identity.refresh_token.reused.v1", data: ids },
    { type: "identity.session.revoked.v1", data: { ...ids, cause: "TOKEN_REUSED" } },
  ]);
  expect(await lives(ada.sessionId)).toBe(false);
  expect((await refresh(successor)).userErrors).toEqual(refused);
  expect(await identity.announced()).toEqual([]);
});

test.each([
  ["changed by a letter", (token: string) => (token.startsWith("A") ? "B" : "A") + token.slice(1)],
  ["cut", (token: string) => token.slice(0, -1)],
  ["made up", () => "A".repeat(43)],
  ["an access token", () => "eyJhbGciOiJub25lIn0.e30."],
  ["nothing", () => ""],
  ["endless", () => "A".repeat(100_000)],
  ["an injection", () => "' or 1=1 --"],
])("a token that was %s opens nothing and ends nothing", async (_, tamper) => {
  const ada = await givenPerson(identity);
  const before = await identity.rows();
  expect((await refresh(tamper(ada.refreshToken))).userErrors).toEqual(refused);
  expect(await identity.rows()).toEqual(before);
  expect(await identity.announced()).toEqual([]);
  expect(await lives(ada.sessionId)).toBe(true);
});

test("a session that was idle for thirty days is over; one that is refreshed goes on", async () => {
  const day = 24 * 3600;
  const [idle, busy] = [await givenPerson(identity), await givenPerson(identity)];
  identity.pass(29 * day);
  const { refreshToken } = await refresh(busy.refreshToken);
  identity.pass(day);
  expect(await lives(idle.sessionId)).toBe(false);
  expect((await refresh(idle.refreshToken)).userErrors).toEqual(refused);
  expect(await lives(busy.sessionId)).toBe(true);
  expect((await refresh(refreshToken)).userErrors).toEqual([]);
  expect(await identity.announced()).toEqual([]);
});

test("a guest's session slides by an hour", async () => {
  const guest = dataOf<{ signInAsGuest: Auth }>(await identity.run(guestMutation)).signInAsGuest;
  await identity.announced();
  identity.pass(3599);
  const { refreshToken } = await refresh(guest.refreshToken);
  identity.pass(3599);
  const last = await refresh(refreshToken);
  expect(last.userErrors).toEqual([]);
  identity.pass(3600);
  expect((await refresh(last.refreshToken)).userErrors).toEqual(refused);
});

test("a session that stands nowhere finds its place when it is refreshed, and keeps it while tenancy is silent", async () => {
  const ada = await givenPerson(identity);
  const place = givenPlace();
  identity.tenancy.places.set(ada.userId, place);
  const found = await refresh(ada.refreshToken);
  expect(jwt.decode(found.accessToken)).toMatchObject({ org: place.organizationId, ws: place.workspaceId });

  identity.tenancy.answers = false;
  const kept = await refresh(found.refreshToken);
  identity.tenancy.answers = true;
  expect(jwt.decode(kept.accessToken)).toMatchObject({ org: place.organizationId });
});

test("one that may no longer stand where it did goes to where its user begins", async () => {
  const ada = await givenPerson(identity);
  const [left, other] = [givenPlace(), givenPlace()];
  await givenMembership(identity, ada.userId, left);
  await identity.database.asService().session.updateMany({ where: { userId: ada.userId }, data: left });
  const before = await refresh(ada.refreshToken);
  expect(jwt.decode(before.accessToken)).toMatchObject({ org: left.organizationId });
  await identity.database.asService().membership.deleteMany({ where: { userId: ada.userId } });
  identity.tenancy.places.set(ada.userId, other);
  expect(jwt.decode((await refresh(before.refreshToken)).accessToken)).toMatchObject({ org: other.organizationId });
});
