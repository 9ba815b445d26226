import jwt from "jsonwebtoken";
import { dataOf, password, signUpMutation, startTestIdentity, type Auth, type Identity } from "../testing";

let identity: Identity;
beforeAll(async () => void (identity = await startTestIdentity()));
afterAll(() => identity?.stop());

const signUp = (input: object) =>
  identity.run(signUpMutation, { input: { email: "", password, name: "Ada", ...input } });
const codesOf = (auth: Auth) => auth.userErrors.map(({ code, path }) => ({ code, path }));

test("a new user is signed in, and one person is announced without their name or address", async () => {
  const { signUp: auth } = dataOf<{ signUp: Auth }>(await signUp({ email: " Ada@Example.ORG", name: "  Ada Byron " }));
  const claims = jwt.decode(auth.accessToken) as jwt.JwtPayload;
  expect(auth.userErrors).toEqual([]);
  expect(claims).toMatchObject({
    sub: auth.viewer.id,
    kind: "USER",
    iss: "atrium",
    aud: "atrium-api",
    org: null,
    ws: null,
  });
  expect(claims.exp! - claims.iat!).toBe(900);
  const announced = await identity.announced();
  expect(announced).toEqual([
    { type: "identity.user.registered.v1", data: { userId: claims.sub, method: "EMAIL" } },
    {
      type: "identity.user.signed_in.v1",
      data: { userId: claims.sub, sessionId: claims.sid, method: "EMAIL", organizationId: null, workspaceId: null },
    },
  ]);
  const stored = await identity.database.asService().sql("select to_jsonb(m) as m from sign_in_method m");
  expect(stored).toMatchObject([{ m: { identifier: "Ada@example.org", identifier_key: "ada@example.org" } }]);
  expect(JSON.stringify(stored)).not.toContain(password);
});

test("the token stands in the first organization once tenancy has made it", async () => {
  const place = { organizationId: "org_first", workspaceId: "wsp_first" };
  const pending = signUp({ email: "grace@example.org" });
  let registered: { data: Record<string, unknown> }[] = [];
  while (registered.length === 0) registered = await identity.announced();
  identity.tenancy.places.set(String(registered[0]!.data.userId), place);
  const { signUp: auth } = dataOf<{ signUp: Auth }>(await pending);
  expect(jwt.decode(auth.accessToken)).toMatchObject({ org: "org_first", ws: "wsp_first" });
});

test("without tenancy one can sign up all the same, and stands nowhere yet", async () => {
  identity.tenancy.answers = false;
  const { signUp: auth } = dataOf<{ signUp: Auth }>(await signUp({ email: "alone@example.org" }));
  identity.tenancy.answers = true;
  expect(jwt.decode(auth.accessToken)).toMatchObject({ org: null, ws: null });
});

test("of two who sign up with one address at once, one gets it", async () => {
  await identity.announced();
  const before = await identity.rows();
  identity.tenancy.answers = false;
  const results = await Promise.all(
    ["Twin@example.org", "twin@EXAMPLE.org", "twin@example.org"].map((email) => signUp({ email })),
  );
  identity.tenancy.answers = true;
  const codes = results.map((result) => codesOf(dataOf<{ signUp: Auth }>(result).signUp)[0]?.code ?? "OK").sort();
  expect(codes).toEqual(["EMAIL_TAKEN", "EMAIL_TAKEN", "OK"]);
  expect(await identity.rows()).toEqual({
    ...before,
    user_account: before.user_account! + 1,
    sign_in_method: before.sign_in_method! + 1,
    session: before.session! + 1,
    refresh_token: before.refresh_token! + 1,
  });
  expect((await identity.announced()).map(({ type }) => type)).toEqual([
    "identity.user.registered.v1",
    "identity.user.signed_in.v1",
  ]);
});

test.each([
  ["a taken address", { email: "ada@example.org" }, { code: "EMAIL_TAKEN", path: ["email"] }],
  [
    "a weak password",
    { email: "new@example.org", password: "short" },
    { code: "PASSWORD_TOO_WEAK", path: ["password"] },
  ],
  [
    "a common one",
    { email: "new@example.org", password: "P@ssw0rd1!" },
    { code: "PASSWORD_TOO_COMMON", path: ["password"] },
  ],
])("%s is refused, and nothing is written or announced", async (_, input, refusal) => {
  const before = await identity.rows();
  const { signUp: auth } = dataOf<{ signUp: Auth }>(await signUp(input));
  expect(codesOf(auth)).toEqual([refusal]);
  expect(auth).toMatchObject({ accessToken: null, refreshToken: null, viewer: null });
  expect(await identity.rows()).toEqual(before);
  expect(await identity.announced()).toEqual([]);
});

test.each([
  ["no address", { email: "nobody" }, "input.email"],
  ["an address with a control character", { email: "a\u0007@example.org" }, "input.email"],
  ["an endless address", { email: `${"a".repeat(2_000)}@example.org` }, "input.email"],
  ["no name", { name: "   " }, "input.name"],
  ["an endless name", { name: "n".repeat(201) }, "input.name"],
  ["a name with a control character", { name: "Ada\u0000" }, "input.name"],
  ["a name that turns the text around", { name: "Ada\u202e" }, "input.name"],
  ["no password", { password: "" }, "input.password"],
  ["an endless password", { password: "aB3$".repeat(51) }, "input.password"],
  ["a password with a line break", { password: "correct horse\nbattery staple" }, "input.password"],
  ["an unknown field", { role: "super_admin" }, "input"],
])("%s is bad input, and the field is named", async (_, input, field) => {
  const before = await identity.rows();
  const { errors } = await signUp({ email: "new@example.org", ...input });
  expect(errors).toHaveLength(1);
  expect(errors![0]!.extensions.code).toBe("BAD_USER_INPUT");
  expect(String(errors![0]!.extensions.field)).toContain(field);
  expect(await identity.rows()).toEqual(before);
  expect(await identity.announced()).toEqual([]);
});

test("one address can't sign up without end, and is told how long to wait", async () => {
  const input = { email: "taken@example.org", password, name: "Ada" };
  const results = await Promise.all(
    Array.from({ length: 61 }, () =>
      identity.run(
        signUpMutation,
        { input: { ...input, password: "Rejected#1x", email: "ada@example.org" } },
        { clientAddress: "198.51.100.7" },
      ),
    ),
  );
  const refused = results.filter(({ errors }) => errors);
  expect(refused).toHaveLength(1);
  expect(refused[0]!.errors![0]!.extensions).toMatchObject({ code: "RATE_LIMITED", retryAfterSeconds: 60 });
  const elsewhere = await identity.run(
    signUpMutation,
    { input: { ...input, email: "ada@example.org" } },
    { clientAddress: "198.51.100.8" },
  );
  expect(elsewhere.errors).toBeUndefined();
});
