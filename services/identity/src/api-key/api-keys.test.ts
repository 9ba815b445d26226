import { newId } from "@atrium/ids";
import { dataOf, givenPerson, givenPlace, startTestIdentity, type Identity, type Person } from "../testing";
import { apiKeysMax } from "./api-key";

const createMutation = `mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) { secret apiKey { id name hint permissions expiresAt organization { id } workspace { id } } userErrors { code message path } }
}`;
const revokeMutation =
  "mutation ($input: RevokeApiKeyInput!) { revokeApiKey(input: $input) { apiKey { id revokedAt } } }";

interface Created {
  secret: string | null;
  apiKey: { id: string } | null;
  userErrors: { code: string; path: string[] | null }[];
}

let identity: Identity;
let ada: Person;
const place = givenPlace();
beforeAll(async () => {
  identity = await startTestIdentity();
  ada = await givenPerson(identity, { place, permissions: ["api_keys:*", "knowledge:*"] });
});
afterAll(() => identity?.stop());

const create = (input: object = {}, { actor } = ada) =>
  identity.run(
    createMutation,
    { input: { name: "Nightly import", permissions: ["knowledge:read"], ...input } },
    { actor },
  );
const created = async (input: object = {}, person = ada) =>
  dataOf<{ createApiKey: Created }>(await create(input, person)).createApiKey;
const opened = async (...secrets: string[]) =>
  ((await identity.subgraph.internal.apiKeys!({ secrets })) as { apiKeys: (Record<string, unknown> | null)[] }).apiKeys;

test("a key is shown once, rests as a hash, and opens its owner's place with what it was given", async () => {
  const key = await created({ permissions: ["knowledge:*"] });
  expect(key).toMatchObject({
    secret: expect.stringMatching(/^atr_[\w-]{43}$/),
    apiKey: {
      name: "Nightly import",
      hint: key.secret!.slice(-4),
      permissions: ["knowledge:read", "knowledge:write", "knowledge:delete"],
      organization: { id: place.organizationId },
      workspace: { id: place.workspaceId },
    },
    userErrors: [],
  });
  expect(await identity.announced()).toEqual([
    { type: "identity.api_key.created.v1", data: { apiKeyId: key.apiKey!.id, userId: ada.userId } },
  ]);
  const stored = await identity.database.asService().sql("select k::text, encode(hash, 'escape') from api_key k");
  expect(JSON.stringify(stored)).not.toContain(key.secret!.slice(4));
  expect(await opened("atr_nothing", key.secret!, `${key.secret!.slice(0, -1)}~`)).toEqual([
    null,
    {
      id: key.apiKey!.id,
      userId: ada.userId,
      ...place,
      permissions: ["knowledge:read", "knowledge:write", "knowledge:delete"],
    },
    null,
  ]);
});

test("its use is recorded, once a minute at the most", async () => {
  const { secret, apiKey } = await created();
  const lastUsed = async () =>
    (await identity.database.asService().apiKey.findFirst({ where: { id: apiKey!.id } }))!.lastUsedAt;
  expect(await lastUsed()).toBeNull();
  await opened(secret!);
  const first = await lastUsed();
  expect(first).toEqual(identity.clock.now);
  identity.pass(59);
  await opened(secret!);
  expect(await lastUsed()).toEqual(first);
  identity.pass(1);
  await opened(secret!);
  expect(await lastUsed()).toEqual(identity.clock.now);
  await identity.announced();
});

test("a key stops when it expires, and when it is revoked", async () => {
  const expiring = await created({ expiresAt: new Date(identity.clock.now.getTime() + 60_000).toISOString() });
  const revoked = await created();
  await identity.announced();
  expect(await opened(expiring.secret!, revoked.secret!)).toEqual([expect.anything(), expect.anything()]);
  const revoke = () => identity.run(revokeMutation, { input: { id: revoked.apiKey!.id } }, { actor: ada.actor });
  const first = dataOf(await revoke());
  identity.pass(60);
  expect(await opened(expiring.secret!, revoked.secret!)).toEqual([null, null]);
  expect(dataOf(await revoke())).toEqual(first);
  expect(await identity.announced()).toEqual([
    { type: "identity.api_key.revoked.v1", data: { apiKeyId: revoked.apiKey!.id, userId: ada.userId } },
  ]);
});

test.each([
  ["no permissions", { permissions: [] }, "NO_PERMISSIONS", ["permissions"]],
  ["one that nobody knows", { permissions: ["knowledge:fly"] }, "UNKNOWN_PERMISSION", ["permissions", "0"]],
  ["more than one holds", { permissions: ["*"] }, "PERMISSION_NOT_HELD", ["permissions"]],
  ["an expiry in the past", { expiresAt: "2020-01-01T00:00:00Z" }, "EXPIRY_IN_PAST", ["expiresAt"]],
])("%s: refused, and nothing is written or announced", async (_, input, code, path) => {
  const before = await identity.rows();
  expect(await created(input)).toMatchObject({ secret: null, apiKey: null, userErrors: [{ code, path }] });
  expect(await identity.rows()).toEqual(before);
  expect(await identity.announced()).toEqual([]);
});

test.each([
  ["nobody", undefined, "UNAUTHENTICATED"],
  ["somebody without the right to", { permissions: ["knowledge:*"] }, "FORBIDDEN"],
  ["somebody who stands nowhere", { organizationId: null, workspaceId: null }, "FORBIDDEN"],
  ["another API key", { kind: "API_KEY" }, "FORBIDDEN"],
])("%s can't make a key", async (_, changed, code) => {
  const actor = changed && { ...ada.actor, ...changed };
  const before = await identity.rows();
  const { errors } = await identity.run(
    createMutation,
    { input: { name: "x", permissions: ["knowledge:read"] } },
    { actor: actor as never },
  );
  expect(errors![0]!.extensions.code).toBe(code);
  expect(await identity.rows()).toEqual(before);
  expect(await identity.announced()).toEqual([]);
});

test.each([
  ["an empty name", { name: " " }, "input.name"],
  ["an endless name", { name: "n".repeat(201) }, "input.name"],
  ["an expiry that is no time", { expiresAt: "tomorrow" }, "input.expiresAt"],
])("%s is bad input", async (_, input, field) => {
  expect((await create(input)).errors![0]!.extensions).toMatchObject({ code: "BAD_USER_INPUT", field });
});

test("another's key is not found, and goes on", async () => {
  const key = await created();
  const eve = await givenPerson(identity, { place });
  for (const id of [key.apiKey!.id, newId("key")]) {
    const { errors } = await identity.run(revokeMutation, { input: { id } }, { actor: eve.actor });
    expect(errors![0]!.extensions).toEqual({ code: "NOT_FOUND" });
  }
  expect(await opened(key.secret!)).toEqual([expect.anything()]);
  expect(await identity.announced()).toEqual([]);
});

test("one person has so many keys and no more, also when two are asked for at once", async () => {
  const joan = await givenPerson(identity, { place });
  const key = (i: number) => ({
    id: newId("key"),
    userId: joan.userId,
    organizationId: place.organizationId,
    name: `Key ${i}`,
    hash: new Uint8Array(Buffer.from(`${joan.userId}${i}`.padEnd(32).slice(-32))),
    hint: "xxxx",
    permissions: [],
    createdAt: identity.clock.now,
  });
  await identity.database
    .asService()
    .apiKey.createMany({ data: Array.from({ length: apiKeysMax - 1 }, (_, i) => key(i)) });
  const answers = await Promise.all([created({}, joan), created({}, joan)]);
  expect(answers.map(({ userErrors }) => userErrors[0]?.code).sort()).toEqual(["TOO_MANY_API_KEYS", undefined]);
});
