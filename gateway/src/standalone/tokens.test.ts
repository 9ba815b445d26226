import { createHmac, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import pino from "pino";
import { RequestRefused } from "../endpoint";
import { configSchema } from "./config";
import { algorithms, type Algorithm } from "./json-web-token";
import { openTokens, type Caller, type Tokens } from "./tokens";

const log = pino({ level: "silent" });
const ec = (namedCurve: string) => generateKeyPairSync("ec", { namedCurve });
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const pairs = {
  ES256: ec("P-256"),
  ES384: ec("P-384"),
  ES512: ec("P-521"),
  EdDSA: generateKeyPairSync("ed25519"),
};
const pairOf = (alg: Algorithm) => (alg in pairs ? pairs[alg as keyof typeof pairs] : rsa);
const stranger = ec("P-256").privateKey;

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
const now = () => Math.floor(Date.now() / 1_000);
const claims = (more: object = {}) => ({ sub: "ada", iss: "them", aud: "us", exp: now() + 60, scope: "a b", ...more });

interface Made {
  alg?: Algorithm;
  kid?: string;
  header?: object;
  key?: KeyObject;
  payload?: unknown;
}

function made({
  alg = "ES256",
  kid = alg,
  header,
  key = pairOf(alg).privateKey,
  payload = claims(),
}: Made = {}): string {
  const text = `${part({ alg, kid, ...header })}.${part(payload)}`;
  const digest = alg === "EdDSA" ? null : `sha${alg.slice(2)}`;
  const pss = alg.startsWith("PS") ? { padding: 6, saltLength: Number(alg.slice(2)) / 8 } : {};
  return `${text}.${sign(digest, Buffer.from(text), { key, dsaEncoding: "ieee-p1363", ...pss }).toString("base64url")}`;
}

const jwkOf = (key: KeyObject, more: object) => ({ ...key.export({ format: "jwk" }), ...more });
const all = () => algorithms.map((alg) => jwkOf(pairOf(alg).publicKey, { kid: alg, use: "sig" }));

let issuer: Server;
let keys: unknown[];
let looks: number;
let opened: Tokens | undefined;

beforeAll(async () => {
  issuer = createServer((_, response) => {
    looks++;
    response.end(JSON.stringify({ keys }));
  }).listen(0, "127.0.0.1");
  await once(issuer, "listening");
});
afterAll(() => new Promise((resolve) => issuer.close(resolve)));
beforeEach(() => {
  keys = all();
  looks = 0;
});
afterEach(() => opened?.close());

async function open(more: object = {}): Promise<Tokens> {
  const jwks = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/jwks.json`;
  const { authentication } = configSchema.parse({
    authentication: { jwks, issuer: "them", audience: "us", algorithms, ...more },
  });
  return (opened = await openTokens(authentication!, log));
}
const callerOf = async (tokens: Tokens, token: string): Promise<Caller> => tokens.callerOf(`Bearer ${token}`);

/** What a bad token's sender is told. */
async function refusal(tokens: Tokens, authorization: string) {
  const error: unknown = await (async () => tokens.callerOf(authorization))().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(RequestRefused);
  const { message, extensions } = (error as RequestRefused).errors[0]!;
  return { message, ...(extensions as { code: string; http: { status: number; headers: Record<string, string> } }) };
}

test.each(algorithms)("a token signed by %s is its subject's, with its scopes, until it expires", async (alg) => {
  const caller = await callerOf(await open(), made({ alg }));
  expect(caller).toMatchObject({ subject: "ada", claims: { isAuthenticated: true, scopes: new Set(["a", "b"]) } });
  expect(caller.expiresAt).toBeGreaterThan(Date.now());
});

const bySecret = (secret: string) => {
  const text = `${part({ alg: "HS256", kid: "RS256" })}.${part(claims())}`;
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
};

test.each<[string, () => string]>([
  ["signed with another's key", () => made({ key: stranger })],
  ["that brings its own key", () => made({ key: stranger, header: { jwk: stranger.export({ format: "jwk" }) } })],
  ["of a key that isn't known", () => made({ kid: "other" })],
  ["of a key named like what every object has", () => made({ kid: "__proto__", key: stranger })],
  ["without a key's name, where there are several", () => made({ header: { kid: undefined } })],
  ["that says it isn't signed", () => `${part({ alg: "none", kid: "ES256" })}.${part(claims())}.`],
  ["without its signature", () => made().replace(/[^.]+$/, "")],
  ["with a part too many", () => `${made()}.e30`],
  [
    "signed with the public key as a secret",
    () => bySecret(rsa.publicKey.export({ type: "spki", format: "pem" }) as string),
  ],
  ["signed by a key of another kind", () => made({ alg: "RS256", kid: "ES256" })],
  ["signed by a key of another curve", () => made({ alg: "ES256", kid: "ES384", key: pairs.ES384.privateKey })],
  ["that can't be read without knowing more", () => made({ header: { crit: ["b64"], b64: false } })],
  ["that has expired", () => made({ payload: claims({ exp: now() - 60 }) })],
  ["that isn't valid yet", () => made({ payload: claims({ nbf: now() + 60 }) })],
  ["that expires at no time", () => made({ payload: claims({ exp: "tomorrow" }) })],
  ["of another issuer", () => made({ payload: claims({ iss: "others" }) })],
  ["of no issuer", () => made({ payload: claims({ iss: undefined }) })],
  ["for another audience", () => made({ payload: claims({ aud: ["others"] }) })],
  ["whose subject is no text", () => made({ payload: claims({ sub: { id: "ada" } }) })],
  ["that claims nothing", () => made({ payload: null })],
  ["that claims a list", () => made({ payload: [claims()] })],
  ["that is none", () => "a.b.c"],
])("a token %s is refused", async (_, token) => {
  expect(await refusal(await open(), `Bearer ${token()}`)).toMatchObject({
    code: "UNAUTHENTICATED",
    http: { status: 401, headers: { "www-authenticate": 'Bearer realm="graphql", error="invalid_token"' } },
  });
});

test.each(["", "Bearer", "Basic YTpi", "Bearer a b", `Bearer ${"a".repeat(9_000)}`])(
  "credentials of another form are refused (%#)",
  async (authorization) => {
    expect((await refusal(await open(), authorization)).http.headers["www-authenticate"]).toBe(
      'Bearer realm="graphql"',
    );
  },
);

test("only the algorithms that are allowed count, and of a key that names one, that one", async () => {
  expect((await refusal(await open({ algorithms: ["ES256"] }), `Bearer ${made({ alg: "RS256" })}`)).code).toBe(
    "UNAUTHENTICATED",
  );
  opened!.close();
  keys = [jwkOf(rsa.publicKey, { kid: "k", alg: "PS256" })];
  const tokens = await open();
  expect((await refusal(tokens, `Bearer ${made({ alg: "RS256", kid: "k" })}`)).code).toBe("UNAUTHENTICATED");
  expect((await callerOf(tokens, made({ alg: "PS256", kid: "k" }))).subject).toBe("ada");
});

test("keys of unknown kinds, secrets, weak keys and keys for encryption are passed over", async () => {
  const weak = generateKeyPairSync("rsa", { modulusLength: 1024 });
  keys = [
    { kty: "AKP", kid: "new", alg: "ML-DSA-44", pub: "abc" },
    { kty: "oct", kid: "secret", k: "abc" },
    jwkOf(weak.publicKey, { kid: "weak" }),
    jwkOf(rsa.publicKey, { kid: "enc", use: "enc" }),
    jwkOf(pairs.ES256.publicKey, { kid: "good" }),
  ];
  const tokens = await open();
  expect((await callerOf(tokens, made({ kid: "good" }))).subject).toBe("ada");
  await refusal(tokens, `Bearer ${made({ alg: "RS256", kid: "weak", key: weak.privateKey })}`);
  await refusal(tokens, `Bearer ${made({ alg: "RS256", kid: "enc" })}`);
});

test("a set without a key, and one that isn't there, don't start", async () => {
  keys = [];
  await expect(open()).rejects.toThrow(/has no key that a token could be signed with/);
  await expect(open({ jwks: "./none.json" })).rejects.toThrow(/authentication\.jwks.*none\.json/);
});

test("a key that takes another's place under the same name ends what that one signed, though it was found good", async () => {
  const tokens = await open({ refreshMs: 50 });
  const token = made();
  expect((await callerOf(tokens, token)).subject).toBe("ada");
  const fresh = ec("P-256");
  keys = [jwkOf(fresh.publicKey, { kid: "ES256" })];
  const before = looks;
  while (looks < before + 2) await new Promise((resolve) => setTimeout(resolve, 10));
  await refusal(tokens, `Bearer ${token}`);
  expect((await callerOf(tokens, made({ key: fresh.privateKey }))).subject).toBe("ada");
});

test("tokens of a key that isn't known yet wait for one look at the set, all together", async () => {
  const tokens = await open();
  const fresh = ec("P-256");
  keys = [...all(), jwkOf(fresh.publicKey, { kid: "fresh" })];
  await new Promise((resolve) => setTimeout(resolve, 1_050));
  const token = made({ kid: "fresh", key: fresh.privateKey });
  const callers = await Promise.all(Array.from({ length: 5 }, () => callerOf(tokens, token)));
  expect(callers.map(({ subject }) => subject)).toEqual(Array(5).fill("ada"));
  expect(looks).toBe(2);
  // Made-up names are no way to make the gateway ask.
  for (let n = 0; n < 5; n++) await refusal(tokens, `Bearer ${made({ kid: `made-up-${n}` })}`);
  expect(looks).toBe(2);
});
