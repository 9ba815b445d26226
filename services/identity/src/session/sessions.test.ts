import jwt from "jsonwebtoken";
import { newId } from "@atrium/ids";
import {
  belongs,
  dataOf,
  givenMembership,
  givenPerson,
  givenPlace,
  refreshMutation,
  signInAgain,
  startTestIdentity,
  type Auth,
  type Identity,
  type Person,
} from "../testing";
import { forgetPastSessions } from "./commands";

let identity: Identity;
beforeAll(async () => void (identity = await startTestIdentity()));
afterAll(() => identity?.stop());

const revokeMutation =
  "mutation ($input: RevokeSessionInput!) { revokeSession(input: $input) { session { id endedAt isCurrent } } }";
const switchMutation = `mutation ($input: SwitchContextInput!) {
  switchContext(input: $input) { accessToken refreshToken viewer { permissions organization { id } workspace { id } } userErrors { code } }
}`;

async function livingOf(...people: Person[]): Promise<boolean[]> {
  const sessionIds = people.map(({ sessionId }) => sessionId);
  const { liveSessionIds } = (await identity.subgraph.internal.liveSessions!({ sessionIds })) as {
    liveSessionIds: string[];
  };
  return sessionIds.map((id) => liveSessionIds.includes(id));
}

async function opens({ refreshToken }: Person): Promise<boolean> {
  const result = await identity.run(refreshMutation, { input: { refreshToken } });
  return dataOf<{ refreshSession: Auth }>(result).refreshSession.userErrors.length === 0;
}

test("signing out ends the session at once, and its refresh token with it", async () => {
  const ada = await givenPerson(identity);
  const elsewhere = await signInAgain(identity, ada);
  const result = await identity.run(
    "mutation { signOut { session { id endedAt isCurrent } } }",
    {},
    { actor: ada.actor },
  );
  expect(dataOf(result)).toEqual({
    signOut: { session: { id: ada.sessionId, endedAt: identity.clock.now.toISOString(), isCurrent: true } },
  });
  expect(await livingOf(ada, elsewhere)).toEqual([false, true]);
  expect(await opens(ada)).toBe(false);
  expect(await identity.announced()).toEqual([
    { type: "identity.user.signed_out.v1", data: { userId: ada.userId, sessionId: ada.sessionId } },
  ]);
});

test("a session of one's own can be revoked from another; twice does no harm", async () => {
  const ada = await givenPerson(identity);
  const lost = await signInAgain(identity, ada);
  const revoke = () => identity.run(revokeMutation, { input: { id: lost.sessionId } }, { actor: ada.actor });
  const first = dataOf(await revoke());
  identity.pass(5);
  expect(dataOf(await revoke())).toEqual(first);
  expect(await livingOf(ada, lost)).toEqual([true, false]);
  expect(await opens(lost)).toBe(false);
  expect(await identity.announced()).toEqual([
    { type: "identity.session.revoked.v1", data: { userId: ada.userId, sessionId: lost.sessionId, cause: "REVOKED" } },
  ]);
});

test("another user's session is not found, as is one that never was", async () => {
  const [ada, eve] = [await givenPerson(identity), await givenPerson(identity)];
  for (const id of [ada.sessionId, newId("ses")]) {
    const { errors } = await identity.run(revokeMutation, { input: { id } }, { actor: eve.actor });
    expect(errors![0]!.extensions).toEqual({ code: "NOT_FOUND" });
    expect(errors![0]!.message).toBe(`You have no session ${id}.`);
  }
  const { errors } = await identity.run(revokeMutation, { input: { id: "' or 1=1" } }, { actor: eve.actor });
  expect(errors![0]!.extensions).toEqual({ code: "BAD_USER_INPUT", field: "input.id" });
  expect(await livingOf(ada, eve)).toEqual([true, true]);
  expect(await identity.announced()).toEqual([]);
});

test("all other sessions end together, and the one that asks goes on", async () => {
  const ada = await givenPerson(identity);
  const [phone, laptop] = [await signInAgain(identity, ada), await signInAgain(identity, ada)];
  const bystander = await givenPerson(identity);
  const result = await identity.run("mutation { revokeOtherSessions { sessions { id } } }", {}, { actor: phone.actor });
  expect(dataOf(result)).toEqual({
    revokeOtherSessions: { sessions: [{ id: ada.sessionId }, { id: laptop.sessionId }] },
  });
  expect(await livingOf(ada, phone, laptop, bystander)).toEqual([false, true, false, true]);
  expect((await identity.announced()).map(({ type, data }) => [type, data.sessionId])).toEqual([
    ["identity.session.revoked.v1", ada.sessionId],
    ["identity.session.revoked.v1", laptop.sessionId],
  ]);
});

test("nobody, and no API key, has a session to end", async () => {
  const ada = await givenPerson(identity);
  const key = { ...ada.actor, kind: "API_KEY" as const, sessionId: newId("key") };
  for (const mutation of [
    "signOut { session { id } }",
    "revokeOtherSessions { sessions { id } }",
    `revokeSession(input: { id: "${ada.sessionId}" }) { session { id } }`,
  ]) {
    const codes = await Promise.all(
      [undefined, key].map(
        async (actor) => (await identity.run(`mutation { ${mutation} }`, {}, { actor })).errors![0]!.extensions.code,
      ),
    );
    expect(codes).toEqual(["UNAUTHENTICATED", "FORBIDDEN"]);
  }
  expect(await livingOf(ada)).toEqual([true]);
  expect(await identity.announced()).toEqual([]);
});

describe("switching to another place", () => {
  const go = (person: Person, place: { organizationId: string; workspaceId?: string | null }) =>
    identity.run(switchMutation, { input: place }, { actor: person.actor });

  test("a member goes there: token, session and next sign-in stand there, and the refresh token stays good", async () => {
    const ada = await givenPerson(identity);
    const place = givenPlace();
    await givenMembership(identity, ada.userId, place);
    belongs(identity, ada.userId, place, ["knowledge:*", "chatbots:read"]);
    const { switchContext } = dataOf<{ switchContext: Record<string, unknown> }>(await go(ada, place));
    expect(switchContext).toMatchObject({
      refreshToken: null,
      viewer: {
        organization: { id: place.organizationId },
        workspace: { id: place.workspaceId },
        permissions: ["knowledge:read", "knowledge:write", "knowledge:delete", "chatbots:read"],
      },
      userErrors: [],
    });
    const there = { org: place.organizationId, ws: place.workspaceId };
    expect(jwt.decode(switchContext.accessToken as string)).toMatchObject({ sid: ada.sessionId, ...there });
    const refreshed = await identity.run(refreshMutation, { input: { refreshToken: ada.refreshToken } });
    expect(jwt.decode(dataOf<{ refreshSession: Auth }>(refreshed).refreshSession.accessToken)).toMatchObject(there);
    expect(jwt.decode((await signInAgain(identity, ada)).accessToken)).toMatchObject(there);
  });

  test("an organization without a workspace is a place", async () => {
    const ada = await givenPerson(identity);
    const { organizationId } = givenPlace();
    await givenMembership(identity, ada.userId, { organizationId, workspaceId: null });
    const { switchContext } = dataOf<{ switchContext: Auth }>(await go(ada, { organizationId }));
    expect(jwt.decode(switchContext.accessToken)).toMatchObject({ org: organizationId, ws: null });
  });

  test("a membership that wasn't heard of yet is asked of tenancy", async () => {
    const ada = await givenPerson(identity);
    const place = givenPlace();
    belongs(identity, ada.userId, place);
    expect((await go(ada, place)).errors).toBeUndefined();
  });

  test("a place of others is not found, and nothing moves", async () => {
    const [ada, eve] = [await givenPerson(identity), await givenPerson(identity)];
    const [place, own] = [givenPlace(), givenPlace()];
    await givenMembership(identity, ada.userId, place);
    await givenMembership(identity, eve.userId, own);
    for (const wanted of [
      place,
      { organizationId: place.organizationId },
      { ...place, organizationId: own.organizationId },
    ]) {
      const { errors } = await go(eve, wanted);
      expect(errors![0]!.extensions).toEqual({ code: "NOT_FOUND" });
    }
    const session = await identity.database.asService().session.findFirst({ where: { id: eve.sessionId } });
    expect(session).toMatchObject({ organizationId: null, workspaceId: null });
  });

  test("while tenancy is silent, only places heard of are open", async () => {
    const ada = await givenPerson(identity);
    const [known, unknown] = [givenPlace(), givenPlace()];
    await givenMembership(identity, ada.userId, known);
    belongs(identity, ada.userId, unknown);
    identity.tenancy.answers = false;
    const results = await Promise.all(
      [known, unknown].map((place) =>
        identity.run(
          "mutation ($input: SwitchContextInput!) { switchContext(input: $input) { accessToken } }",
          { input: place },
          { actor: ada.actor },
        ),
      ),
    );
    identity.tenancy.answers = true;
    expect(results.map(({ errors }) => errors?.[0]!.extensions.code ?? "OK")).toEqual(["OK", "SERVICE_UNAVAILABLE"]);
  });

  test("a session that ended meanwhile gets no new token", async () => {
    const ada = await givenPerson(identity);
    const place = givenPlace();
    await givenMembership(identity, ada.userId, place);
    await identity.run("mutation { signOut { session { id } } }", {}, { actor: ada.actor });
    expect((await go(ada, place)).errors![0]!.extensions.code).toBe("UNAUTHENTICATED");
  });

  test.each([
    ["organizationId", { organizationId: "wsp_1" }],
    ["workspaceId", { organizationId: newId("org"), workspaceId: "x".repeat(10_000) }],
  ])("%s that is no id is bad input", async (field, place) => {
    const ada = await givenPerson(identity);
    expect((await go(ada, place)).errors![0]!.extensions).toEqual({ code: "BAD_USER_INPUT", field: `input.${field}` });
  });
});

test("what ended a month ago is deleted, and guests who can't come back with it", async () => {
  const month = 30 * 24 * 3600;
  const fresh = await startTestIdentity();
  try {
    const ada = await givenPerson(fresh);
    await fresh.run("mutation { signInAsGuest { accessToken } }");
    const { refreshToken } = dataOf<{ refreshSession: Auth }>(
      await fresh.run(refreshMutation, { input: { refreshToken: ada.refreshToken } }),
    ).refreshSession;
    fresh.pass(month - 60);
    await fresh.run(refreshMutation, { input: { refreshToken } });
    fresh.pass(120);
    const services = { database: fresh.database, now: () => fresh.clock.now };
    await forgetPastSessions(services);
    // The guest's session is over for an hour less than a month; ada's first token was replaced a month ago.
    expect(await fresh.rows()).toMatchObject({ user_account: 2, session: 2, refresh_token: 3 });
    fresh.pass(3600);
    await forgetPastSessions(services);
    expect(await fresh.rows()).toMatchObject({ user_account: 1, session: 1, refresh_token: 2 });
  } finally {
    await fresh.stop();
  }
});
