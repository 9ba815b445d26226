import type { Claims, ClientRequest } from "../client-request";
import type { Case, Thing } from "../differential/case";
import { aRequest, openHouse, type DifferentialHouse } from "../differential/house";
import { RequestRefused } from "../endpoint";
import { isIncremental, type Answer } from "../execution/engine";
import { createPermit, type AuthorizationOptions, type Permit } from "./permit";

const given: Case = {
  name: "a paper with readers, writers and secrets",
  subgraphs: {
    papers: `
      type Query {
        me: User
        users: [User!]!
        feed: [Item]
        strictFeed: [Item!]
        search: [Found]
        open: Note
        vault: Secret
        level: Level
        audit: [String!] @authenticated @requiresScopes(scopes: [["audit", "read"], ["admin"]])
        owner: String! @requiresScopes(scopes: [["admin"]])
        paid: String @policy(policies: [["paid", "adult"], ["staff"]])
        note(id: ID!): Note
      }
      type Mutation { first: String  wipe: String @requiresScopes(scopes: [["admin"]])  last: String }
      type User @key(fields: "id") { id: ID!  name: String  email: String @authenticated  friend: User  pet: Pet }
      type Pet { name: String  chip: String! @authenticated }
      interface Item { id: ID!  title: String  writer: User }
      type Note implements Item @key(fields: "id") { id: ID!  title: String  writer: User  body: String }
      type Secret implements Item @key(fields: "id") @requiresScopes(scopes: [["secrets"]]) { id: ID!  title: String  writer: User  code: String }
      type Draft implements Item @key(fields: "id") { id: ID!  title: String @authenticated  writer: User }
      union Found = User | Note | Secret
      enum Level @authenticated { LOW HIGH }`,
    money: `
      scalar Iban @requiresScopes(scopes: [["money"]])
      type User @key(fields: "id") {
        id: ID!
        email: String @external
        salary: Int @requiresScopes(scopes: [["money"]])
        iban: Iban
        mailed: String @requires(fields: "email") @authenticated
      }
      type Note @key(fields: "id") { id: ID!  price: Int  buyers: [User!] @authenticated }`,
  },
  data() {
    const user = (n: number): Thing => ({
      __typename: "User",
      id: `u${n}`,
      name: `User ${n}`,
      email: `u${n}@x`,
      salary: n * 10,
      iban: `AT${n}`,
      mailed: `to u${n}@x`,
    });
    const users = [user(1), user(2)];
    for (const [n, each] of users.entries())
      Object.assign(each, { friend: users[1 - n], pet: { __typename: "Pet", name: "Rex", chip: "c" } });
    const note = { __typename: "Note", id: "n1", title: "Note", writer: users[0], body: "…", price: 3, buyers: users };
    const secret = { __typename: "Secret", id: "s1", title: "Secret", writer: users[1], code: "007" };
    const draft = { __typename: "Draft", id: "d1", title: "Draft", writer: users[0] };
    return {
      Query: {
        me: users[0],
        users,
        feed: [note, secret, draft],
        strictFeed: [note, secret],
        search: [users[0], note, secret],
        open: note,
        vault: secret,
        level: "HIGH",
        audit: ["a"],
        owner: "Ada",
        paid: "p",
        note: () => note,
      },
      Mutation: { first: "1", wipe: "gone", last: "2" },
      User: users,
      Note: [note],
      Secret: [secret],
      Draft: [draft],
    };
  },
  operations: [],
};

let house: DifferentialHouse;
beforeAll(async () => {
  house = await openHouse(given);
});
afterAll(() => house?.close());

const nobody: Claims = { isAuthenticated: false, scopes: new Set(), policies: () => new Set() };
const somebody = (...scopes: string[]): Claims => ({ ...nobody, isAuthenticated: true, scopes: new Set(scopes) });
const withPolicies = (...held: string[]): Claims => ({ ...somebody(), policies: () => new Set(held) });

const permitBy = (o: Partial<AuthorizationOptions> = {}): Permit =>
  createPermit({ schema: house.graph.apiSchema, supergraphSchema: house.graph.supergraphSchema, ...o });

async function ask(
  text: string,
  claims: Claims,
  o: { permit?: Permit; variables?: object; incremental?: boolean } = {},
) {
  const request: ClientRequest = { ...aRequest(), claims };
  const operation = house.documents.operationOf(text, undefined);
  const variables = house.documents.variablesOf(operation, o.variables as never);
  const permitted = await (o.permit ?? permitBy())(operation, request);
  const prepared = await house.engine.prepare(permitted, variables);
  house.sent.length = 0;
  const answer = o.incremental
    ? await house.engine.executeIncrementally(prepared, variables, request)
    : await house.engine.execute(prepared, variables, request);
  if (isIncremental(answer)) throw new Error("The answer came in parts.");
  return { data: answer.data, denied: deniedIn(answer), sent: house.sent.join("\n") };
}

const deniedIn = ({ errors }: Answer) =>
  (errors ?? []).map(({ path, extensions }) => {
    expect(extensions).toEqual({ code: "UNAUTHORIZED_FIELD_OR_TYPE" });
    return path!.join(".");
  });

describe("a field", () => {
  test("that requires nothing is answered to nobody in particular", async () => {
    expect(await ask("{ me { name } }", nobody)).toMatchObject({ data: { me: { name: "User 1" } }, denied: [] });
  });

  test("that requires authentication is null with an error, and no subgraph is asked for it", async () => {
    const { data, denied, sent } = await ask("{ me { name email friend { e: email } } }", nobody);
    expect(data).toEqual({ me: { name: "User 1", email: null, friend: { e: null } } });
    expect(denied.sort()).toEqual(["me.email", "me.friend.e"]);
    expect(sent).not.toContain("email");
  });

  test("that may not be null takes its parent along", async () => {
    expect(await ask("{ me { id pet { name chip } } }", nobody)).toMatchObject({
      data: { me: { id: "u1", pet: null } },
      denied: ["me.pet.chip"],
    });
    expect(await ask("{ owner me { id } }", nobody)).toMatchObject({ data: null, denied: ["owner"] });
  });

  test.each([
    [somebody(), false],
    [somebody("audit"), false],
    [somebody("audit", "read"), true],
    [somebody("admin"), true],
    [{ ...somebody("admin"), isAuthenticated: false }, false],
  ])("that requires any of several lists of scopes, all of one (%#)", async (claims, may) => {
    const { data, denied, sent } = await ask("{ audit }", claims);
    expect({ data, denied }).toEqual(
      may ? { data: { audit: ["a"] }, denied: [] } : { data: { audit: null }, denied: ["audit"] },
    );
    expect(sent.includes("audit")).toBe(may);
  });

  test.each([
    [withPolicies(), false],
    [withPolicies("paid"), false],
    [withPolicies("paid", "adult"), true],
    [withPolicies("staff"), true],
  ])("that requires policies (%#)", async (claims, may) => {
    expect((await ask("{ paid }", claims)).data).toEqual({ paid: may ? "p" : null });
  });

  test("of a scalar or an enum that requires something requires it", async () => {
    const { data, denied, sent } = await ask("{ level me { iban } }", nobody);
    expect(data).toEqual({ level: null, me: { iban: null } });
    expect(denied.sort()).toEqual(["level", "me.iban"]);
    expect(sent).not.toMatch(/iban|level/);
  });

  test("across an entity jump is removed with the jump", async () => {
    const { data, sent } = await ask("{ me { name salary } open { buyers { name } price } }", nobody);
    expect(data).toEqual({ me: { name: "User 1", salary: null }, open: { buyers: null, price: 3 } });
    expect(sent).not.toMatch(/salary|buyers/);
    expect((await ask("{ me { salary } }", somebody("money"))).data).toEqual({ me: { salary: 10 } });
  });

  test("that the planner needs on the way is fetched for it, and told to nobody", async () => {
    const { data, denied } = await ask("{ me { mailed email } }", somebody());
    expect({ data, denied }).toEqual({ data: { me: { mailed: "to u1@x", email: "u1@x" } }, denied: [] });
    const refused = await ask("{ me { mailed } }", nobody);
    expect(refused).toMatchObject({ data: { me: { mailed: null } }, denied: ["me.mailed"] });
    expect(refused.sent).not.toContain("email");
  });
});

describe("a type", () => {
  test("that requires something takes the fields along that lead to it", async () => {
    const { data, denied, sent } = await ask("{ vault { __typename code } open { id } }", somebody());
    expect({ data, denied }).toEqual({ data: { vault: null, open: { id: "n1" } }, denied: ["vault"] });
    expect(sent).not.toContain("vault");
  });

  test("among an interface's: its objects are null, the others are answered, and it isn't asked about", async () => {
    const { data, denied, sent } = await ask("{ feed { __typename id title writer { name } } }", somebody());
    expect(data).toEqual({
      feed: [
        { __typename: "Note", id: "n1", title: "Note", writer: { name: "User 1" } },
        null,
        { __typename: "Draft", id: "d1", title: "Draft", writer: { name: "User 1" } },
      ],
    });
    expect(denied).toEqual(["feed.1"]);
    expect(sent).not.toContain("Secret");
  });

  test("in a list that has no nulls takes the list along", async () => {
    expect(await ask("{ strictFeed { id } }", somebody())).toMatchObject({
      data: { strictFeed: null },
      denied: ["strictFeed.1"],
    });
  });

  test("among a union's: neither its fields nor its name is told", async () => {
    const { data, denied, sent } = await ask(
      "{ search { __typename ... on Secret { code } ... on Item { writer { name } } ... on User { name } } }",
      somebody(),
    );
    expect(data).toEqual({
      search: [{ __typename: "User", name: "User 1" }, { __typename: "Note", writer: { name: "User 1" } }, null],
    });
    expect(denied).toEqual(["search.2"]);
    expect(sent).not.toMatch(/code|Secret/);
  });

  test("of which nothing is asked spoils nothing", async () => {
    expect(await ask("{ search { ... on User { name } } }", nobody)).toMatchObject({
      data: { search: [{ name: "User 1" }, {}, {}] },
      denied: [],
    });
  });

  test("is seen by who may", async () => {
    expect(await ask("{ feed { __typename id } vault { code } }", somebody("secrets"))).toMatchObject({
      data: { feed: [{ id: "n1" }, { id: "s1", __typename: "Secret" }, { id: "d1" }], vault: { code: "007" } },
      denied: [],
    });
  });
});

describe("ways round", () => {
  test("a field that one implementation protects is denied there alone, asked of the interface or by name", async () => {
    for (const text of [
      "{ feed { ... on Item { title } } }",
      "{ feed { ... on Draft { title } ... on Note { title } } }",
      "{ feed { ...t } } fragment t on Item { ...u } fragment u on Item { title }",
      "{ feed { ... { title ... on Draft { title } } } }",
    ]) {
      const { data, denied } = await ask(text, somebody("secrets"));
      expect(denied).toEqual([]);
      expect((data!.feed as Thing[])[2]).toEqual({ title: "Draft" });
      const refused = await ask(text, { ...nobody, scopes: new Set(["secrets"]) });
      expect((refused.data!.feed as Thing[])[2]).toEqual({ title: null });
      expect((refused.data!.feed as Thing[])[0]).toEqual({ title: "Note" });
      expect(refused.denied).toEqual(["feed.2.title"]);
      expect(refused.sent).not.toMatch(/Draft ?\{[^}]*title/);
    }
  });

  test("an alias under another field's name, or under a key's, shows nothing", async () => {
    const { data, denied } = await ask("{ me { id: email name: salary mail: email } }", nobody);
    expect(data).toEqual({ me: { id: null, name: null, mail: null } });
    expect(denied.sort()).toEqual(["me.id", "me.mail", "me.name"]);
  });

  test("variables, @skip and @include open nothing", async () => {
    const text =
      "query ($on: Boolean!, $id: ID!) { note(id: $id) { id buyers @include(if: $on) { id } body @skip(if: $on) } }";
    expect(await ask(text, nobody, { variables: { on: true, id: "n1" } })).toMatchObject({
      data: { note: { id: "n1", buyers: null } },
      denied: ["note.buyers"],
    });
    expect(await ask(text, nobody, { variables: { on: false, id: "n1" } })).toMatchObject({
      data: { note: { id: "n1", body: "…" } },
      denied: [],
    });
  });

  test("a selection of which nothing is left tells no more than whether something is there", async () => {
    expect(await ask("{ me { pet { chip } ...f } } fragment f on User { friend { email } }", nobody)).toMatchObject({
      data: { me: { pet: null, friend: { email: null } } },
    });
  });

  test("mutations that aren't the caller's aren't run, the others are, in their order", async () => {
    const { data, denied, sent } = await ask("mutation { first wipe last }", somebody());
    expect({ data, denied }).toEqual({ data: { first: "1", wipe: null, last: "2" }, denied: ["wipe"] });
    expect(sent).not.toContain("wipe");
  });

  test("@defer puts nothing off that is denied", async () => {
    const text = '{ me { name ... @defer(label: "later") { salary friend { email name } } } }';
    expect(await ask(text, nobody, { incremental: true })).toMatchObject({
      data: { me: { name: "User 1", salary: null, friend: { email: null, name: "User 2" } } },
    });
  });

  test("what was made for one caller isn't another's", async () => {
    const permit = permitBy();
    const text = "{ me { email salary } }";
    const seen = async (claims: Claims) => (await ask(text, claims, { permit })).data;
    for (let round = 0; round < 2; round++) {
      expect(await seen(nobody)).toEqual({ me: { email: null, salary: null } });
      expect(await seen(somebody("money"))).toEqual({ me: { email: "u1@x", salary: 10 } });
      expect(await seen(somebody())).toEqual({ me: { email: "u1@x", salary: null } });
    }
  });
});

test("set to refuse, an operation isn't run at all, and each place is named", async () => {
  const permit = permitBy({ refuseWhole: true });
  const refused = await ask("{ me { mail: email ...f } } fragment f on User { salary }", nobody, { permit }).catch(
    (error: unknown) => error,
  );
  expect(refused).toBeInstanceOf(RequestRefused);
  expect((refused as RequestRefused).errors.map(({ path, extensions }) => [path, extensions])).toEqual([
    [["me", "mail"], { code: "UNAUTHORIZED_FIELD_OR_TYPE", http: { status: 401 } }],
    [["me", "salary"], { code: "UNAUTHORIZED_FIELD_OR_TYPE", http: { status: 401 } }],
  ]);
  expect((await ask("{ me { name } }", nobody, { permit })).data).toEqual({ me: { name: "User 1" } });
});

describe("introspection, where it is filtered,", () => {
  const schemaText = `{ __schema { types { name fields { name } possibleTypes { name } } }
    secret: __type(name: "Secret") { name } user: __type(name: "User") { fields { name } } }`;
  const read = async (claims: Claims) => {
    const { data } = await ask(schemaText, claims, { permit: permitBy({ filtersIntrospection: true }) });
    const { __schema, secret, user } = data as {
      __schema: { types: { name: string; possibleTypes: { name: string }[] | null }[] };
      secret: unknown;
      user: { fields: { name: string }[] };
    };
    const types = __schema.types.map(({ name }) => name).filter((name) => !name.startsWith("__"));
    const found = __schema.types.find(({ name }) => name === "Found")!.possibleTypes!.map(({ name }) => name);
    return { types, secret, user: user.fields.map(({ name }) => name), found };
  };

  test("tells nobody of what nobody may use", async () => {
    const { types, secret, user, found } = await read(nobody);
    expect(secret).toBeNull();
    expect(types).not.toEqual(expect.arrayContaining(["Secret"]));
    for (const hidden of ["Secret", "Level", "Iban"]) expect(types).not.toContain(hidden);
    expect(found).toEqual(["User", "Note"]);
    expect(user).toEqual(["id", "name", "friend", "pet"]);
  });

  test("tells who may of what they may", async () => {
    const { types, secret, user } = await read(somebody("secrets", "money"));
    expect(secret).toEqual({ name: "Secret" });
    expect(types).toEqual(expect.arrayContaining(["Secret", "Level", "Iban"]));
    expect(user.sort()).toEqual(["email", "friend", "iban", "id", "mailed", "name", "pet", "salary"]);
  });

  test("answers other fields beside it as ever", async () => {
    const { data, denied } = await ask('{ me { name email } __type(name: "Level") { name } }', nobody, {
      permit: permitBy({ filtersIntrospection: true }),
    });
    expect({ data, denied }).toEqual({
      data: { me: { name: "User 1", email: null }, __type: null },
      denied: ["me.email"],
    });
  });
});
