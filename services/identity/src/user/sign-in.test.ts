import { performance } from "node:perf_hooks";
import jwt from "jsonwebtoken";
import {
  belongs,
  dataOf,
  givenMembership,
  givenPerson,
  givenPlace,
  guestMutation,
  password,
  signInMutation,
  startTestIdentity,
  type Auth,
  type Identity,
  type Person,
} from "../testing";

let identity: Identity;
let ada: Person;
beforeAll(async () => {
  identity = await startTestIdentity();
  ada = await givenPerson(identity);
});
afterAll(() => identity?.stop());

const signIn = (email: string, given = password, from: { clientAddress?: string } = {}) =>
  identity.run(signInMutation, { input: { email, password: given } }, from);
const authOf = async (result: ReturnType<typeof signIn>) => dataOf<{ signIn: Auth }>(await result).signIn;

test("the right pair opens a session of its own, whatever the spelling of the address", async () => {
  const auth = await authOf(signIn(` ${ada.email.toUpperCase()} `));
  expect(auth.viewer.id).toBe(ada.userId);
  const { sid } = jwt.decode(auth.accessToken) as { sid: string };
  expect(sid).not.toBe(ada.sessionId);
  expect(await identity.announced()).toEqual([
    {
      type: "identity.user.signed_in.v1",
      data: { userId: ada.userId, sessionId: sid, method: "EMAIL", organizationId: null, workspaceId: null },
    },
  ]);
});

test("a wrong password and an unknown address are refused in the same words, and only the audit hears of it", async () => {
  const before = await identity.rows();
  const wrong = await authOf(signIn(ada.email, "wrong horse battery staple"));
  const unknown = await authOf(signIn("nobody@example.org"));
  expect(wrong.userErrors).toEqual([
    { code: "INVALID_CREDENTIALS", message: "The e-mail address or the password is wrong.", path: null },
  ]);
  expect(unknown).toEqual(wrong);
  expect(await identity.rows()).toEqual(before);
  const [refusedAda, refusedNobody, ...rest] = await identity.announced();
  expect(rest).toEqual([]);
  expect(refusedAda).toMatchObject({ type: "identity.user.sign_in_refused.v1", data: { userId: ada.userId } });
  expect(refusedNobody).toMatchObject({ type: "identity.user.sign_in_refused.v1", data: { userId: null } });
  expect(JSON.stringify([refusedAda, refusedNobody])).not.toContain("@");
});

test("the two take the same time", async () => {
  const others = await Promise.all(Array.from({ length: 12 }, () => givenPerson(identity)));
  const [known, unknown] = [[] as number[], [] as number[]];
  const timed = async (email: string) => {
    const start = performance.now();
    await authOf(signIn(email, "wrong horse battery staple"));
    return performance.now() - start;
  };
  for (const [i, { email }] of others.entries()) {
    known.push(await timed(email));
    unknown.push(await timed(`nobody${i}@example.org`));
  }
  const median = (times: number[]) => times.sort((a, b) => a - b)[Math.floor(times.length / 2)]!;
  const ratio = median(unknown) / median(known);
  expect(ratio).toBeGreaterThan(0.6);
  expect(ratio).toBeLessThan(1.6);
  await identity.announced();
});

test("a session begins where its user last acted, if they still may", async () => {
  const grace = await givenPerson(identity);
  const place = givenPlace();
  await givenMembership(identity, grace.userId, place);
  await identity.database.asService().user.update({ where: { id: grace.userId }, data: place });
  const standing = async () => jwt.decode((await authOf(signIn(grace.email))).accessToken);
  expect(await standing()).toMatchObject({ org: place.organizationId, ws: place.workspaceId });

  await identity.database.asService().membership.deleteMany({ where: { userId: grace.userId } });
  expect(await standing()).toMatchObject({ org: null, ws: null });

  const other = givenPlace();
  identity.tenancy.places.set(grace.userId, other);
  expect(await standing()).toMatchObject({ org: other.organizationId, ws: other.workspaceId });
});

test("one that tenancy's roles open is entered without a membership in it", async () => {
  const joan = await givenPerson(identity);
  const place = givenPlace();
  belongs(identity, joan.userId, place);
  await identity.database.asService().user.update({ where: { id: joan.userId }, data: place });
  expect(jwt.decode((await authOf(signIn(joan.email))).accessToken)).toMatchObject({ ws: place.workspaceId });
});

test("whoever guesses is held up after ten tries, and longer each time; the account isn't locked", async () => {
  const { email } = await givenPerson(identity);
  const from = { clientAddress: "203.0.113.1" };
  for (let i = 0; i < 10; i++) await authOf(signIn(email, "wrong horse battery staple", from));
  const refused = await signIn(email, password, from);
  expect(refused.errors![0]!.extensions).toMatchObject({ code: "RATE_LIMITED", retryAfterSeconds: 5 });
  expect((await authOf(signIn(email, password, { clientAddress: "203.0.113.2" }))).viewer).not.toBeNull();
});

test("an address that doesn't exist is held up alike", async () => {
  const from = { clientAddress: "203.0.113.3" };
  for (let i = 0; i < 10; i++) await authOf(signIn("ghost@example.org", password, from));
  const refused = await signIn("ghost@example.org", password, from);
  expect(refused.errors![0]!.extensions).toMatchObject({ code: "RATE_LIMITED", retryAfterSeconds: 5 });
});

test("guesses from everywhere don't keep the owner out of where they signed in before", async () => {
  const { email } = await givenPerson(identity);
  const home = { clientAddress: "203.0.113.4" };
  await authOf(signIn(email, password, home));
  const guesses = await Promise.all(Array.from({ length: 60 }, () => signIn(email, "wrong horse battery staple")));
  const heldUp = guesses.filter(({ errors }) => errors?.[0]?.extensions.code === "RATE_LIMITED");
  // 50 tries an account, of which signing up took none and signing in at home one.
  expect(heldUp.length).toBeGreaterThanOrEqual(10);
  expect((await authOf(signIn(email, password, home))).viewer).not.toBeNull();
  await identity.announced();
});

test.each([
  ["no address", { email: "nobody" }, "input.email"],
  ["a password of a million characters", { password: "x".repeat(1_000_000) }, "input.password"],
  ["a password with a control character", { password: "correct\u0000horse" }, "input.password"],
])("%s is bad input", async (_, input, field) => {
  const { errors } = await identity.run(signInMutation, { input: { email: ada.email, password, ...input } });
  expect(errors![0]!.extensions).toMatchObject({ code: "BAD_USER_INPUT", field });
  expect(await identity.announced()).toEqual([]);
});

test("a guest has a name and nothing else, and lives an hour from the last refresh", async () => {
  const auth = dataOf<{ signInAsGuest: Auth }>(await identity.run(guestMutation)).signInAsGuest;
  const { sub, sid } = jwt.decode(auth.accessToken) as { sub: string; sid: string };
  expect(jwt.decode(auth.accessToken)).toMatchObject({ kind: "GUEST", org: null, ws: null });
  const service = identity.database.asService();
  expect(await service.user.findFirst({ where: { id: sub }, include: { signInMethods: true } })).toMatchObject({
    kind: "GUEST",
    name: expect.stringMatching(/^guest-\d{4}$/),
    signInMethods: [],
  });
  const session = await service.session.findFirst({ where: { id: sid } });
  expect(session).toMatchObject({ device: null, expiresAt: new Date(identity.clock.now.getTime() + 3600_000) });
  // Not registered: a guest gets no organization.
  expect((await identity.announced()).map(({ type }) => type)).toEqual(["identity.user.signed_in.v1"]);
});
