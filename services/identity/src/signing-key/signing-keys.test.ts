import { createPublicKey, type JsonWebKey } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { actorHeader, actorKeyFor, anonymous, signActor } from "@atrium/access";
import jwt from "jsonwebtoken";
import { dataOf, guestMutation, refreshMutation, startTestIdentity, type Auth, type Identity } from "../testing";
import { signingKeySchedule } from "./signing-key";

type Keys = { keys: (JsonWebKey & { kid: string })[] };

let identity: Identity;
beforeAll(async () => void (identity = await startTestIdentity()));
afterAll(() => identity?.stop());

const published = async (from = identity.subgraph) => ((await from.internal.signingKeys!({})) as Keys).keys;
const newToken = async (from = identity.subgraph) =>
  dataOf<{ signInAsGuest: Auth }>(await identity.run(guestMutation, {}, { from })).signInAsGuest.accessToken;
const kidOf = (token: string) => jwt.decode(token, { complete: true })!.header.kid;

/** As the gateway verifies: by the published key of that name, ES256 alone. */
function verified(token: string, keys: Keys["keys"]) {
  const jwk = keys.find(({ kid }) => kid === kidOf(token));
  if (!jwk) return null;
  const options = {
    algorithms: ["ES256"],
    issuer: "atrium",
    audience: "atrium-api",
    clockTimestamp: identity.clock.now.getTime() / 1000,
  } as const;
  return jwt.verify(token, createPublicKey({ key: jwk, format: "jwk" }), { ...options, algorithms: ["ES256"] });
}

test("a token is verified by the published key, and none of its private half is published or stored in clear", async () => {
  const token = await newToken();
  const keys = await published();
  expect(keys).toEqual([
    {
      kid: kidOf(token),
      kty: "EC",
      crv: "P-256",
      x: expect.any(String),
      y: expect.any(String),
      use: "sig",
      alg: "ES256",
    },
  ]);
  expect(verified(token, keys)).toMatchObject({ kind: "GUEST" });
  const [row] = await identity.database.asService().signingKey.findMany();
  expect(() => createPublicKey({ key: Buffer.from(row!.privateKey), format: "der", type: "pkcs8" as never })).toThrow();
});

test("a token that was tampered with, or signed by another, is nobody's", async () => {
  const [header, payload, signature] = (await newToken()).split(".") as [string, string, string];
  const keys = await published();
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as object;
  const forged = Buffer.from(JSON.stringify({ ...claims, sub: "usr_someoneelse" })).toString("base64url");
  expect(() => verified(`${header}.${forged}.${signature}`, keys)).toThrow();
  const unsigned = jwt.sign(claims, "", { algorithm: "none", keyid: keys[0]!.kid });
  expect(() => verified(unsigned, keys)).toThrow();
  const byPublicKey = jwt.sign(claims, JSON.stringify(keys[0]), { algorithm: "HS256", keyid: keys[0]!.kid });
  expect(() => verified(byPublicKey, keys)).toThrow();
});

test("keys rotate and nobody is signed out: the new one is known before it signs, the old one until its tokens end", async () => {
  const { rotateAfterMs, publishAheadMs } = signingKeySchedule;
  const old = kidOf(await newToken())!;
  identity.pass((rotateAfterMs - publishAheadMs) / 1000);
  const both = (await published()).map(({ kid }) => kid);
  expect(both).toHaveLength(2);
  expect(kidOf(await newToken())).toBe(old);
  identity.pass(publishAheadMs / 1000 - 1);
  const last = await newToken();
  identity.pass(62);
  const first = await newToken();
  expect(kidOf(first)).not.toBe(old);
  expect(both).toContain(kidOf(first));
  const keys = await published();
  expect(verified(last, keys)).toMatchObject({ kind: "GUEST" });
  expect(verified(first, keys)).toMatchObject({ kind: "GUEST" });
  identity.pass(3600);
  expect((await published()).map(({ kid }) => kid)).toEqual([kidOf(first)]);
  expect(await identity.database.asService().signingKey.count()).toBe(1);
});

test("of many who need the first key at once, one makes it", async () => {
  const fresh = await startTestIdentity();
  try {
    const sets = await Promise.all(Array.from({ length: 8 }, () => published(fresh.subgraph)));
    expect(new Set(sets.map((keys) => keys.map(({ kid }) => kid).join())).size).toBe(1);
    expect(await fresh.database.asService().signingKey.count()).toBe(1);
  } finally {
    await fresh.stop();
  }
});

test("the set is served over HTTP, to be cached, to whoever the gateway speaks for", async () => {
  const server = createServer((request, response) => identity.subgraph.handle(request, response)).listen(0);
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const path = "/.well-known/jwks.json";
    expect((await fetch(url + path)).status).toBe(401);
    const key = actorKeyFor("identity", "a secret of the tests, long enough to be one");
    const header = signActor(anonymous, { audience: "identity", body: `GET ${path}`, key });
    const response = await fetch(url + path, { headers: { [actorHeader]: header } });
    expect(response.headers.get("content-type")).toContain("json");
    expect(response.headers.get("cache-control")).toBe("public, max-age=300");
    expect(await response.json()).toEqual({ keys: await published() });
  } finally {
    server.close();
    server.closeAllConnections();
  }
});

test("with another secret, what was signed before counts no longer, and sessions go on with their next refresh", async () => {
  const { accessToken: before, refreshToken } = dataOf<{ signInAsGuest: Auth }>(
    await identity.run(guestMutation),
  ).signInAsGuest;
  const other = await identity.startWithSecret("quite another secret, also long enough");
  try {
    const keys = await published(other);
    expect(verified(before, keys)).toBeNull();
    const refreshed = await identity.run(refreshMutation, { input: { refreshToken } }, { from: other });
    const { accessToken } = dataOf<{ refreshSession: Auth }>(refreshed).refreshSession;
    expect(verified(accessToken, keys)).toMatchObject({ sub: jwt.decode(before)!.sub });
  } finally {
    await other.stop();
  }
});
