import {
  dataOf,
  givenPerson,
  givenPlace,
  password,
  signInMutation,
  startTestIdentity,
  type Auth,
  type Identity,
} from "../testing";

let identity: Identity;
beforeAll(async () => {
  identity = await startTestIdentity();
});
afterAll(() => identity.stop());

const ask = (name: string, input: object) => identity.subgraph.internal[name]!(input);

test("nobody gets in any more: sessions end, keys are revoked, the password opens nothing; the address is still known", async () => {
  const ada = await givenPerson(identity, { place: givenPlace() });
  const bob = await givenPerson(identity);
  const { createApiKey } = dataOf<{ createApiKey: { secret: string } }>(
    await identity.run(
      `mutation { createApiKey(input: { name: "Import", permissions: ["knowledge:read"] }) { secret userErrors { code } } }`,
      {},
      { actor: ada.actor },
    ),
  );
  await identity.announced();
  for (let time = 0; time < 2; time++)
    expect(await ask("closeAccount", { userId: ada.userId })).toEqual({ closed: true });
  expect(await ask("liveSessions", { sessionIds: [ada.sessionId, bob.sessionId] })).toEqual({
    liveSessionIds: [bob.sessionId],
  });
  expect(await ask("apiKeys", { secrets: [createApiKey.secret] })).toEqual({ apiKeys: [null] });
  const signIn = async (email: string) =>
    dataOf<{ signIn: Auth }>(await identity.run(signInMutation, { input: { email, password } })).signIn.userErrors;
  expect(await signIn(ada.email)).toMatchObject([{ code: "INVALID_CREDENTIALS" }]);
  expect(await signIn(bob.email)).toEqual([]);
  expect(await ask("emailsOf", { userIds: [ada.userId, bob.userId, "usr_nobody"] })).toEqual({
    emails: [[ada.email], [bob.email], []],
  });
});

test("a mail goes to the user's address, and nowhere for somebody without one", async () => {
  const ada = await givenPerson(identity);
  const mail = { subject: "Hello", text: "A code" };
  expect(await ask("mailUser", { userId: ada.userId, ...mail })).toEqual({ sent: true });
  expect(await ask("mailUser", { userId: "usr_nobody", ...mail })).toEqual({ sent: false });
});
