import {
  dataOf,
  givenPerson,
  guestMutation,
  password,
  personOf,
  signInAgain,
  signInMutation,
  startTestIdentity,
  type Auth,
  type Identity,
  type Person,
} from "../testing";

const next = "another fine passphrase";
const mutation =
  "mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { user { id } userErrors { code path } } }";

let identity: Identity;
beforeAll(async () => void (identity = await startTestIdentity()));
afterAll(() => identity?.stop());

const change = ({ actor }: Person, currentPassword = password, newPassword = next) =>
  identity.run(mutation, { input: { currentPassword, newPassword } }, { actor });
const opens = async ({ email }: Person, given: string) =>
  dataOf<{ signIn: Auth }>(await identity.run(signInMutation, { input: { email, password: given } })).signIn.userErrors
    .length === 0;

test("the new password opens, the old one doesn't, and other sessions end", async () => {
  const ada = await givenPerson(identity);
  const elsewhere = await signInAgain(identity, ada);
  expect(dataOf(await change(ada))).toEqual({ changePassword: { user: { id: ada.userId }, userErrors: [] } });
  expect(await identity.announced()).toEqual([
    { type: "identity.password.changed.v1", data: { userId: ada.userId } },
    {
      type: "identity.session.revoked.v1",
      data: { userId: ada.userId, sessionId: elsewhere.sessionId, cause: "PASSWORD_CHANGED" },
    },
  ]);
  expect(await opens(ada, password)).toBe(false);
  expect(await opens(ada, next)).toBe(true);
});

test.each([
  ["the wrong current password", ["wrong horse battery staple", next], "WRONG_PASSWORD", "currentPassword"],
  ["a weak new one", [password, "weak"], "PASSWORD_TOO_WEAK", "newPassword"],
  ["a common new one", [password, "P@ssw0rd1!"], "PASSWORD_TOO_COMMON", "newPassword"],
] as const)("%s is refused, and nothing changes", async (_, [current, given], code, field) => {
  const ada = await givenPerson(identity);
  const elsewhere = await signInAgain(identity, ada);
  const { changePassword } = dataOf<{ changePassword: { userErrors: unknown[] } }>(await change(ada, current, given));
  expect(changePassword).toEqual({ user: null, userErrors: [{ code, path: [field] }] });
  expect(await identity.announced()).toEqual([]);
  expect(await opens(ada, password)).toBe(true);
  await identity.announced();
  const { liveSessionIds } = (await identity.subgraph.internal.liveSessions!({
    sessionIds: [elsewhere.sessionId],
  })) as {
    liveSessionIds: string[];
  };
  expect(liveSessionIds).toEqual([elsewhere.sessionId]);
});

test("of two changes at once, one wins", async () => {
  const ada = await givenPerson(identity);
  const results = await Promise.all(
    ["first fine passphrase", "second fine passphrase"].map((given) => change(ada, password, given)),
  );
  const codes = results.map(
    (result) =>
      dataOf<{ changePassword: { userErrors: { code: string }[] } }>(result).changePassword.userErrors[0]?.code,
  );
  expect(codes.sort()).toEqual(["WRONG_PASSWORD", undefined]);
  expect((await identity.announced()).map(({ type }) => type)).toEqual(["identity.password.changed.v1"]);
});

test("a stolen session can't try passwords without end", async () => {
  const ada = await givenPerson(identity);
  const from = { actor: ada.actor, clientAddress: "203.0.113.9" };
  const input = { currentPassword: "wrong horse battery staple", newPassword: next };
  for (let i = 0; i < 10; i++) await identity.run(mutation, { input }, from);
  const { errors } = await identity.run(mutation, { input: { ...input, currentPassword: password } }, from);
  expect(errors![0]!.extensions).toMatchObject({ code: "RATE_LIMITED", retryAfterSeconds: 5 });
});

test("a guest has none to change", async () => {
  const guest = personOf(dataOf<{ signInAsGuest: Auth }>(await identity.run(guestMutation)).signInAsGuest);
  const result = await change({ ...guest, actor: { ...guest.actor, kind: "GUEST" } as never });
  expect(dataOf(result)).toMatchObject({ changePassword: { userErrors: [{ code: "NO_PASSWORD", path: null }] } });
});
