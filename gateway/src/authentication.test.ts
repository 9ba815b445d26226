import { createHmac, generateKeyPairSync } from "node:crypto";
import jwt from "jsonwebtoken";
import { accessSourceOver } from "./access-source";
import { createAuthentication } from "./authentication";
import { inProcessClient } from "./in-process-client";
import { eventually, secret, startHouse, type House } from "./testing/world";

const whoAsks = "{ whoAsks }";
let house: House;
beforeAll(async () => {
  house = await startHouse();
});
afterAll(() => house.close());

const actorOf = async (headers: Record<string, string>) =>
  JSON.parse((await house.post(whoAsks, { headers })).data!["whoAsks"] as string) as Record<string, unknown>;
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

async function expectRefused(headers: Record<string, string>, message: RegExp) {
  const { status, data, errors, headers: answered } = await house.post(whoAsks, { headers });
  expect(status).toBe(401);
  expect(answered.get("www-authenticate")).toBe('Bearer realm="atrium"');
  expect(data).toBeUndefined();
  expect(errors).toEqual([
    { message: expect.stringMatching(message) as string, extensions: { code: "UNAUTHENTICATED" } },
  ]);
}

test("no credentials are nobody's", async () => {
  expect(await actorOf({})).toEqual({ kind: "ANONYMOUS" });
});

test("a token is who it was issued to, with the rights they hold now", async () => {
  const { token, sessionId } = house.world.signIn("usr_ada", { permissions: ["knowledge:read"] });
  expect(await actorOf(bearer(token))).toEqual({
    kind: "USER",
    userId: "usr_ada",
    sessionId,
    organizationId: "org_1",
    workspaceId: "wsp_1",
    permissions: ["knowledge:read"],
  });
  house.world.permissions.set("usr_ada org_1", ["knowledge:*"]);
  expect(await actorOf(bearer(token))).toMatchObject({ permissions: ["knowledge:*"] });
});

test("somebody who was removed from their organization stands nowhere on the next request", async () => {
  const { token } = house.world.signIn("usr_leaver");
  expect(await actorOf(bearer(token))).toMatchObject({ organizationId: "org_1" });
  house.world.permissions.delete("usr_leaver org_1");
  expect(await actorOf(bearer(token))).toMatchObject({ organizationId: null, workspaceId: null, permissions: [] });
});

test("a guest is a guest, without organization and rights", async () => {
  const { token } = house.world.signIn("usr_guest", { kind: "GUEST", organizationId: null });
  expect(await actorOf(bearer(token))).toMatchObject({ kind: "GUEST", organizationId: null, permissions: [] });
});

test("a revoked session is refused on the next request", async () => {
  const { token, sessionId } = house.world.signIn("usr_ada");
  expect((await house.post(whoAsks, { token })).status).toBe(200);
  house.world.liveSessions.delete(sessionId);
  await expectRefused(bearer(token), /session has ended/);
});

test("a token that was accepted before is refused once it has expired", async () => {
  const { token } = house.world.signIn("usr_ada");
  expect((await house.post(whoAsks, { token })).status).toBe(200);
  const now = Date.now.bind(Date);
  const clock = jest.spyOn(Date, "now").mockImplementation(() => now() + 86_400_000);
  await expectRefused(bearer(token), /expired/);
  clock.mockRestore();
  expect((await house.post(whoAsks, { token })).status).toBe(200);
});

describe("a token is refused", () => {
  const claims = { sub: "usr_ada", sid: "ses_alive", org: "org_1", ws: "wsp_1", kind: "USER" };
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const now = () => Math.floor(Date.now() / 1000);
  const full = () => ({ ...claims, iss: "atrium", aud: "atrium-api", iat: now(), exp: now() + 900 });
  beforeAll(() => {
    house.world.liveSessions.add("ses_alive");
    house.world.permissions.set("usr_ada org_1", ["*"]);
  });

  test("not when all is well: the following differ from this one in one thing", async () => {
    expect((await house.post(whoAsks, { token: house.world.token(claims) })).status).toBe(200);
  });

  test("that has expired, and says what to do", () =>
    expectRefused(bearer(house.world.token({ ...claims, exp: now() - 60 })), /expired.*refreshSession/));

  test("that was changed", async () => {
    const [header, , signature] = house.world.token(claims).split(".");
    await expectRefused(bearer(`${header}.${encode({ ...full(), sub: "usr_eve" })}.${signature}`), /isn't valid/);
  });

  test("without a signature (alg none)", async () => {
    for (const alg of ["none", "None", "NONE"])
      await expectRefused(bearer(`${encode({ alg, typ: "JWT", kid: "key-1" })}.${encode(full())}.`), /isn't valid/);
  });

  test("signed with our public key as if it were a shared secret (HS256)", async () => {
    const { publicKey } = house.world.keys.get("key-1")!;
    for (const key of [
      publicKey.export({ type: "spki", format: "pem" }),
      JSON.stringify(publicKey.export({ format: "jwk" })),
    ]) {
      const signed = `${encode({ alg: "HS256", typ: "JWT", kid: "key-1" })}.${encode(full())}`;
      await expectRefused(
        bearer(`${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`),
        /isn't valid/,
      );
    }
  });

  test("signed by a stranger under our key's name, or with a key of their own in the header", async () => {
    const stranger = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const options = { algorithm: "ES256" as const, keyid: "key-1" };
    await expectRefused(bearer(jwt.sign(full(), stranger.privateKey, options)), /isn't valid/);
    const jwk = stranger.publicKey.export({ format: "jwk" });
    const header = { alg: "ES256", jwk, jku: "https://evil.example/jwks.json" };
    await expectRefused(
      bearer(jwt.sign(full(), stranger.privateKey, { ...options, header: { ...header, kid: "key-1" } })),
      /isn't valid/,
    );
    await expectRefused(bearer(jwt.sign(full(), stranger.privateKey, { algorithm: "ES256", header })), /isn't valid/);
  });

  test.each([
    ["meant for another audience", { audience: "somewhere-else" }],
    ["from another issuer", { issuer: "mallory" }],
    ["that isn't valid yet", { notBefore: 600 }],
  ])("%s", (_, options) => expectRefused(bearer(house.world.token(claims, options)), /isn't valid/));

  test.each([["sub"], ["sid"], ["kind"]])("without the claim %s", (claim) =>
    expectRefused(bearer(house.world.token({ ...claims, [claim]: undefined })), /isn't valid/),
  );

  test("that never expires", () => {
    const { privateKey } = house.world.keys.get("key-1")!;
    const options = { algorithm: "ES256" as const, keyid: "key-1", issuer: "atrium", audience: "atrium-api" };
    return expectRefused(bearer(jwt.sign(claims, privateKey, options)), /isn't valid/);
  });

  test("that claims to be of the system", () =>
    expectRefused(bearer(house.world.token({ ...claims, kind: "SYSTEM" })), /isn't valid/));

  test.each([
    ["Basic YWRhOnNlY3JldA=="],
    ["Bearer"],
    ["Bearer a b"],
    ["Bearer a.b.c"],
    [`Bearer ${"x".repeat(5_000)}.y.z`],
    ["nonsense"],
  ])("in a header like %.20s", (authorization) => expectRefused({ authorization }, /./));
});

describe("signing keys", () => {
  test("a new key counts at once, and nobody is signed out by it", async () => {
    const before = house.world.signIn("usr_ada");
    expect((await house.post(whoAsks, { token: before.token })).status).toBe(200);
    house.world.addKey("key-2");
    const after = house.world.signIn("usr_ada", { kid: "key-2" });
    expect((await house.post(whoAsks, { token: after.token })).status).toBe(200);
    expect((await house.post(whoAsks, { token: before.token })).status).toBe(200);
  });

  test("tokens that name made-up keys don't become a question to identity each", async () => {
    const asked = () => house.world.internalCalls.filter(({ operation }) => operation === "signingKeys").length;
    const before = asked();
    const { token } = house.world.signIn("usr_ada");
    const [, payload, signature] = token.split(".");
    const invented = Array.from({ length: 50 }, (_, i) => {
      const header = Buffer.from(JSON.stringify({ alg: "ES256", kid: `made-up-${i}` })).toString("base64url");
      return house.post(whoAsks, { token: `${header}.${payload}.${signature}` });
    });
    expect((await Promise.all(invented)).map(({ status }) => status)).toEqual(invented.map(() => 401));
    expect(asked() - before).toBeLessThanOrEqual(2);
  });
});

describe("API keys", () => {
  const key = {
    id: "key_1",
    userId: "usr_ada",
    organizationId: "org_1",
    workspaceId: "wsp_1",
    permissions: ["knowledge:*", "flows:read"],
  };
  beforeAll(() => house.world.permissions.set("usr_ada org_1", ["knowledge:read", "flows:*", "members:invite"]));

  test.each([
    ["as a bearer token", (secret: string) => bearer(secret)],
    ["in its own header", (secret: string) => ({ "x-api-key": secret })],
  ])("work %s, with no right that their maker hasn't", async (_, headers) => {
    house.world.apiKeys.set("s3cret", key);
    expect(await actorOf(headers("s3cret"))).toEqual({
      kind: "API_KEY",
      userId: "usr_ada",
      sessionId: "key_1",
      organizationId: "org_1",
      workspaceId: "wsp_1",
      permissions: ["knowledge:read", "flows:read"],
    });
  });

  test("are refused when unknown, revoked, or their maker has left", async () => {
    await expectRefused(bearer("unknown"), /API key isn't known/);
    house.world.apiKeys.set("of-leaver", { ...key, userId: "usr_gone" });
    await expectRefused({ "x-api-key": "of-leaver" }, /no longer belongs/);
  });

  test("don't go together with a token", () =>
    expectRefused({ "x-api-key": "s3cret", ...bearer("a.b.c") }, /not both/));
});

test("the questions of callers who come at once go out together", async () => {
  const { token } = house.world.signIn("usr_ada");
  house.world.internalCalls.length = 0;
  const [identity, tenancy] = ["identity", "tenancy"].map((name) =>
    inProcessClient(house.services.get(name)!, { secret }),
  );
  const source = accessSourceOver({ identity: identity!, tenancy: tenancy! });
  const authentication = createAuthentication({
    source,
    issuer: "atrium",
    audience: "atrium-api",
    log: { error: () => {} } as never,
  });
  const proof = await authentication.verify({ authorization: `Bearer ${token}` });
  house.world.internalCalls.length = 0;
  await Promise.all(Array.from({ length: 100 }, () => authentication.resolve(proof)));
  expect(house.world.internalCalls.map(({ operation }) => operation).sort()).toEqual([
    "liveSessions",
    "memberPermissions",
  ]);
});

test("while access can't be checked nobody gets in, and nothing of the reason gets out", async () => {
  const { token } = house.world.signIn("usr_ada");
  house.world.accessIsDown = true;
  try {
    const { status, errors } = await house.post(whoAsks, { token });
    expect(status).toBe(503);
    expect(errors).toEqual([
      { message: expect.stringContaining("can't be checked") as string, extensions: { code: "SERVICE_UNAVAILABLE" } },
    ]);
  } finally {
    house.world.accessIsDown = false;
  }
});

// Last, because it leaves the keys fetched in the future.
test("a key that is withdrawn, or replaced under its name, stops counting for tokens that were accepted before", async () => {
  const now = performance.now.bind(performance);
  let aheadMs = 0;
  const clock = jest.spyOn(performance, "now").mockImplementation(() => now() + aheadMs);
  for (const replace of [() => house.world.keys.delete("key-3"), () => house.world.addKey("key-3")]) {
    house.world.addKey("key-3");
    aheadMs += 15_000;
    const { token } = house.world.signIn("usr_ada", { kid: "key-3" });
    expect((await house.post(whoAsks, { token })).status).toBe(200);
    replace();
    aheadMs += 15_000;
    await expectRefused(bearer(token), /isn't valid/);
  }
  clock.mockRestore();
});

test("requests that arrive together share what is asked for one person, and never for two", async () => {
  const people = ["usr_ada", "usr_bob"].map((userId) => house.world.signIn(userId));
  // Whatever a client says of its request doesn't make it another's: neither its id nor its trace.
  const headers = {
    "x-request-id": "request-of-somebody",
    traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  };
  const ask = async (n: number) => {
    const { userId, token } = people[n % 2]!;
    const { data } = await house.post("{ viewer { id } }", { token, headers: n % 3 ? {} : headers });
    expect(data).toEqual({ viewer: { id: userId } });
  };
  const asked = () => house.world.asked.filter(({ field }) => field === "viewer");
  await eventually(async () => {
    house.world.asked.length = 0;
    await Promise.all(Array.from({ length: 60 }, (_, n) => ask(n)));
    return asked().length < 60;
  });
  for (const { userId } of people)
    expect(asked().map(({ facts }) => (facts.actor as { userId: string }).userId)).toContain(userId);
});
