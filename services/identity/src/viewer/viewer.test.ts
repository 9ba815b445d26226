import { anonymous, systemActor, type Actor } from "@atrium/access";
import { newId } from "@atrium/ids";
import {
  dataOf,
  givenMembership,
  givenPerson,
  givenPlace,
  guestMutation,
  personOf,
  signInAgain,
  startTestIdentity,
  type Auth,
  type Identity,
  type Person,
} from "../testing";
import type { Db } from "../context";
import { userLoader } from "../user/loaders";

let identity: Identity;
beforeAll(async () => void (identity = await startTestIdentity()));
afterAll(() => identity?.stop());

const everything = `{ viewer {
  id name email kind permissions organization { id } workspace { id } user { id kind }
  signInMethods { kind identifier lastUsedAt } sessions { nodes { id device isCurrent } } apiKeys { nodes { id name } }
} }`;
const entitiesQuery =
  "query ($refs: [_Any!]!) { _entities(representations: $refs) { ... on User { id name email kind } } }";

const entities = async (actor: Actor, ...ids: string[]) =>
  dataOf<{ _entities: unknown[] }>(
    await identity.run(entitiesQuery, { refs: ids.map((id) => ({ __typename: "User", id })) }, { actor }),
  )._entities;

test("nobody is nobody", async () => {
  expect(dataOf(await identity.run(everything))).toEqual({ viewer: null });
});

test("a person sees themself, where they stand, and what they may do there by the table that policies read", async () => {
  const place = givenPlace();
  const ada = await givenPerson(identity, { place, permissions: ["knowledge:*", "chatbots:read"] });
  const phone = await signInAgain(identity, ada);
  expect(dataOf<object>(await identity.run(everything, {}, { actor: ada.actor }))).toEqual({
    viewer: {
      id: ada.userId,
      name: expect.stringMatching(/^Person/),
      email: ada.email,
      kind: "USER",
      permissions: ["knowledge:read", "knowledge:write", "knowledge:delete", "chatbots:read"],
      organization: { id: place.organizationId },
      workspace: { id: place.workspaceId },
      user: { id: ada.userId, kind: "USER" },
      signInMethods: [{ kind: "EMAIL", identifier: ada.email, lastUsedAt: identity.clock.now.toISOString() }],
      sessions: {
        nodes: expect.arrayContaining([
          { id: phone.sessionId, device: "Firefox on Linux", isCurrent: false },
          { id: ada.sessionId, device: "Firefox on Linux", isCurrent: true },
        ]),
      },
      apiKeys: { nodes: [] },
    },
  });
});

test("sessions come page by page, and a cursor of another list is bad input", async () => {
  const ada = await givenPerson(identity);
  for (let i = 0; i < 3; i++) await signInAgain(identity, ada);
  const query = `query ($after: String) { viewer { sessions(first: 3, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } } }`;
  type Data = {
    viewer: { sessions: { nodes: { id: string }[]; pageInfo: { hasNextPage: boolean; endCursor: string } } };
  };
  const page = async (after: string | null) =>
    dataOf<Data>(await identity.run(query, { after }, { actor: ada.actor })).viewer.sessions;
  const first = await page(null);
  const second = await page(first.pageInfo.endCursor);
  expect([first.pageInfo.hasNextPage, second.pageInfo.hasNextPage]).toEqual([true, false]);
  expect(new Set([...first.nodes, ...second.nodes].map(({ id }) => id)).size).toBe(4);
  const { errors } = await identity.run(query, { after: "bm9uc2Vuc2U" }, { actor: ada.actor });
  expect(errors![0]!.extensions).toMatchObject({ code: "BAD_USER_INPUT", field: "after" });
});

test("an API key acts for its owner, and sees neither their address nor how they sign in", async () => {
  const ada = await givenPerson(identity);
  const key = { ...ada.actor, kind: "API_KEY" as const, sessionId: newId("key"), permissions: ["knowledge:read"] };
  const { data, errors } = await identity.run(everything, {}, { actor: key });
  expect(data!.viewer).toMatchObject({
    id: ada.userId,
    email: null,
    kind: "API_KEY",
    permissions: ["knowledge:read"],
    sessions: null,
    signInMethods: null,
    apiKeys: null,
  });
  expect(errors!.map(({ path, extensions }) => [path!.at(-1), extensions.code]).sort()).toEqual([
    ["apiKeys", "FORBIDDEN"],
    ["sessions", "FORBIDDEN"],
    ["signInMethods", "FORBIDDEN"],
  ]);
});

describe("a user, by reference", () => {
  const place = givenPlace();
  let ada: Person;
  let grace: Person;
  let eve: Person;
  let guest: Person;
  beforeAll(async () => {
    [ada, grace, eve] = [
      await givenPerson(identity, { place }),
      await givenPerson(identity, { place }),
      await givenPerson(identity),
    ];
    for (const { userId } of [ada, grace]) await givenMembership(identity, userId, place);
    await givenMembership(identity, eve.userId, givenPlace());
    const auth = dataOf<{ signInAsGuest: Auth }>(await identity.run(guestMutation)).signInAsGuest;
    guest = personOf(auth);
  });
  const user = ({ userId: id, email }: Person) => ({ id, email, kind: "USER", name: expect.any(String) });

  test("is found by a colleague; the address takes the right to see the members", async () => {
    expect(await entities(ada.actor, grace.userId, ada.userId)).toEqual([user(grace), user(ada)]);
    const junior = { ...ada.actor, permissions: ["projects:read"] };
    expect(await entities(junior, grace.userId, ada.userId)).toEqual([{ ...user(grace), email: null }, user(ada)]);
  });

  test("isn't found by somebody of another organization, also when they say that they stand in this one", async () => {
    expect(await entities(eve.actor, ada.userId, eve.userId)).toEqual([null, user(eve)]);
    const pretender = { ...eve.actor, ...place };
    expect(await entities(pretender, ada.userId, grace.userId)).toEqual([null, null]);
  });

  test("isn't found from where the two don't meet", async () => {
    const elsewhere = givenPlace();
    await givenMembership(identity, ada.userId, elsewhere);
    expect(await entities({ ...ada.actor, ...elsewhere }, grace.userId)).toEqual([null]);
  });

  test("isn't found by nobody, a guest or a service without a word of whom it acts for", async () => {
    const asGuest = { ...guest.actor, kind: "GUEST" as const, permissions: [] };
    for (const actor of [anonymous, asGuest, systemActor("chat", place)])
      expect(await entities(actor, ada.userId, newId("usr"))).toEqual([null, null]);
  });

  test("who is a guest is found by those who stand in an organization, and by themself", async () => {
    const found = { id: guest.userId, name: expect.stringMatching(/^guest-\d{4}$/), email: null, kind: "GUEST" };
    expect(await entities(ada.actor, guest.userId)).toEqual([found]);
    expect(await entities({ ...guest.actor, kind: "GUEST" } as Actor, guest.userId)).toEqual([found]);
    expect(await entities(anonymous, guest.userId)).toEqual([null]);
  });

  test("costs one query for however many, asked for however often", async () => {
    const { user: users, ...handle } = identity.database.as(ada.actor);
    let queries = 0;
    const findMany = ((...args: Parameters<typeof users.findMany>) => (
      queries++,
      users.findMany(...args)
    )) as typeof users.findMany;
    const loader = userLoader({ ...handle, user: { ...users, findMany } } as Db);
    const found = await loader.loadMany(Array.from({ length: 50 }, (_, i) => (i % 2 ? ada.userId : grace.userId)));
    expect(found.filter(Boolean)).toHaveLength(50);
    expect(queries).toBe(1);
  });

  test("an id that isn't one finds nobody", async () => {
    expect(await entities(ada.actor, "' or 1=1 --", "")).toEqual([null, null]);
  });
});
