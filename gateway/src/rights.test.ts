import { createClient } from "graphql-ws";
import { WebSocket } from "ws";
import { composeSupergraph } from "./composition";
import { schemas, startHouse, type House } from "./testing/world";

// The house's graph, with rights that its services don't know of: whatever is refused here, the gateway refuses.
const knowledge = schemas.knowledge
  .replace('"@shareable"', '"@shareable", "@authenticated", "@requiresScopes"')
  .replace("documents(first: Int = 20): [Document!]!", "documents(first: Int = 20): [Document!]! @authenticated")
  .replace("refused: Int", `refused: Int @requiresScopes(scopes: [["audit:read"]])`)
  .replace("slowly: Int", `slowly: Int @requiresScopes(scopes: [["audit:read"]])`)
  .replace("documentAdded: Document", `documentAdded: Document @requiresScopes(scopes: [["knowledge:read"]])`)
  .replace(
    "parent: Document",
    `parent: Document @requiresScopes(scopes: [["knowledge:read", "knowledge:write"], ["audit:read"]])`,
  );
const supergraph = composeSupergraph(
  Object.entries({ ...schemas, knowledge }).map(([name, sdl]) => ({ name, sdl })),
).supergraph;

const codes = (errors: { path?: unknown[]; extensions: Record<string, unknown> }[] | undefined) =>
  (errors ?? []).map(({ path, extensions }) => `${path?.join(".")} ${String(extensions["code"])}`);

describe("the graph's rights", () => {
  let house: House;
  beforeAll(async () => {
    house = await startHouse({ supergraph, introspection: "permitted" });
  });
  afterAll(() => house.close());
  beforeEach(() => (house.world.asked.length = 0));

  test("nobody is told to sign in, and no service is asked", async () => {
    const { data, errors } = await house.post("{ documents { id } refused viewer { id } }");
    expect({ data, codes: codes(errors) }).toEqual({
      data: { documents: null, refused: null, viewer: null },
      codes: ["documents UNAUTHENTICATED", "refused UNAUTHENTICATED"],
    });
    expect(house.world.asked.map(({ field }) => field)).not.toContain("documents");
  });

  test.each([
    [["knowledge:read"], false],
    [["knowledge:*"], true],
    [["*"], true],
    [["knowledge:read", "audit:*"], true],
  ])("permissions are scopes, patterns and all: %j", async (permissions, may) => {
    const { token } = house.world.signIn(`usr_${permissions.join("_").replace(/\W/g, "")}`, { permissions });
    const { data, errors } = await house.post("{ documents { id parent { id } } }", { token });
    expect(data).toEqual({
      documents: ["doc_1", "doc_2"].map((id) => ({ id, parent: may ? { id: "doc_0" } : null })),
    });
    expect(codes(errors)).toEqual(may ? [] : ["documents.0.parent FORBIDDEN", "documents.1.parent FORBIDDEN"]);
  });

  test("a mutation without the right reaches no service; a changed right counts with the next request", async () => {
    const { token } = house.world.signIn("usr_eve", { permissions: ["knowledge:read"] });
    const { data, errors } = await house.post("mutation { slowly }", { token });
    expect({ data, codes: codes(errors) }).toEqual({ data: { slowly: null }, codes: ["slowly FORBIDDEN"] });
    expect(house.world.asked).toEqual([]);
    house.world.permissions.set("usr_eve org_1", ["audit:read"]);
    expect(codes((await house.post("{ refused }", { token })).errors)).toEqual(["refused NOT_FOUND"]);
  });

  test("a subscription without the right doesn't begin, whatever fragment its field stands in", async () => {
    const { token } = house.world.signIn("usr_sub", { permissions: ["leads:read"] });
    const client = createClient({
      url: house.socketUrl,
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${token}` },
    });
    const codeOf = async (query: string) => {
      try {
        for await (const { errors } of client.iterate({ query })) return errors?.[0]?.extensions?.["code"];
      } catch (error) {
        return (error as { extensions: { code: string } }[])[0]!.extensions.code;
      }
    };
    expect(await codeOf("subscription { added: documentAdded { id } }")).toBe("FORBIDDEN");
    expect(await codeOf("subscription { ...s } fragment s on Subscription { documentAdded { id } }")).toBe("FORBIDDEN");
    expect(house.world.openSubscriptions).toBe(0);
    await client.dispose();
  });

  test("the schema shows what may be used", async () => {
    const names = async (token?: string) => {
      const { data } = await house.post('{ __type(name: "Query") { fields { name } } }', { token });
      return (data as { __type: { fields: { name: string }[] } }).__type.fields.map(({ name }) => name);
    };
    const open = ["broken", "node", "organization", "rude", "slow", "viewer", "whoAsks"];
    expect((await names()).sort()).toEqual(open);
    const { token } = house.world.signIn("usr_reader", { permissions: ["*"] });
    expect((await names(token)).sort()).toEqual([...open, "documents", "refused"].sort());
  });
});

test("the stock executor refuses the whole operation", async () => {
  const house = await startHouse({ supergraph, executor: "stock" });
  try {
    const { token } = house.world.signIn("usr_ada", { permissions: ["knowledge:read"] });
    const refused = await house.post("{ viewer { id } documents { id parent { id } } }", { token });
    expect({ data: refused.data, codes: codes(refused.errors) }).toEqual({
      data: undefined,
      codes: ["documents.parent FORBIDDEN"],
    });
    expect(house.world.asked).toEqual([]);
    expect((await house.post("{ documents { id } }", { token })).data).toEqual({
      documents: [{ id: "doc_1" }, { id: "doc_2" }],
    });
  } finally {
    await house.close();
  }
});
