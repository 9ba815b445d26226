import { composeServices } from "@apollo/composition";
import { buildASTSchema, parse } from "graphql";
import { conjunction, isSame } from "./alternatives";
import { readRequirements, unmetOf, type Requirement } from "./requirements";

const schemaOf = (sdl: string) => buildASTSchema(parse(sdl), { assumeValid: true, assumeValidSDL: true });
const told = (found: readonly Requirement[]) =>
  found.map(({ authenticated, scopes, policies }) => ({ authenticated, scopes, policies }));
const authenticated = { authenticated: true, scopes: null, policies: null };
const scopes = (...lists: string[][]) => ({ authenticated: false, scopes: lists, policies: null });

function composed(...subgraphs: { link: string; sdl: string }[]) {
  const { supergraphSdl, errors } = composeServices(
    subgraphs.map(({ link, sdl }, n) => ({
      name: `s${n}`,
      url: "",
      typeDefs: parse(
        `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: [${link}])\n${sdl}`,
      ),
    })),
  );
  if (errors) throw new Error(errors.join("\n"));
  return readRequirements(schemaOf(supergraphSdl));
}

test("the directives are known under whatever name a subgraph imports them", () => {
  const { ofField, ofType } = composed({
    link: `{ name: "@authenticated", as: "@signedIn" }, { name: "@requiresScopes", as: "@may" }, { name: "@policy", as: "@judged" }`,
    sdl: `type Query {
      a: Int @signedIn
      b: Int @may(scopes: [["x", "y"], ["z"]])
      c: Int @judged(policies: [["p"]])
      d: Held
      e: Int
    }
    type Held @signedIn { id: ID }`,
  });
  expect(told(ofField("Query", "a"))).toEqual([authenticated]);
  expect(told(ofField("Query", "b"))).toEqual([scopes(["x", "y"], ["z"])]);
  expect(told(ofField("Query", "c"))).toEqual([{ authenticated: false, scopes: null, policies: [["p"]] }]);
  expect(told(ofType("Held"))).toEqual([authenticated]);
  expect(ofField("Query", "e")).toEqual([]);
});

test("what composition gives an interface isn't asked of each implementation", () => {
  const { ofField, ofType } = composed({
    link: `"@authenticated", "@requiresScopes"`,
    sdl: `type Query { all: [I] }
      interface I { f: Int }
      type A implements I @authenticated { f: Int @requiresScopes(scopes: [["a"], ["c"]]) }
      type B implements I { f: Int @requiresScopes(scopes: [["b"], ["c"]]) }
      type C implements I { f: Int }`,
  });
  expect(told(ofField("A", "f"))).toEqual([scopes(["a"], ["c"])]);
  expect(told(ofField("B", "f"))).toEqual([scopes(["b"], ["c"])]);
  expect(ofField("C", "f")).toEqual([]);
  expect(ofType("C")).toEqual([]);
  expect(told(ofType("A"))).toEqual([authenticated]);
});

test("what an older composition let be required of an interface alone holds for those who implement it", () => {
  const { ofField, ofType } = readRequirements(
    schemaOf(`type Query { all: [I] }
      interface I @authenticated { f: Int @requiresScopes(scopes: [["i"]])  g: Int }
      type A implements I { f: Int  g: Int }
      type B implements I { f: Int @requiresScopes(scopes: [["b"]])  g: Int }`),
  );
  expect(told(ofType("A"))).toEqual([authenticated]);
  expect(told(ofField("A", "f"))).toEqual([scopes(["i"])]);
  expect(told(ofField("B", "f"))).toEqual([scopes(["b"]), scopes(["i"])]);
  expect(ofField("A", "g")).toEqual([]);
});

test("what a field is worked out from is required as well, however far back, and a circle ends", () => {
  const { ofField } = readRequirements(
    schemaOf(`type Query { t: T }
      type T @join__type(graph: A) {
        derived: Int @join__field(graph: B, requires: "middle inner { ... on Deep { secret } }")
        middle: Int @join__field(graph: C, requires: "mail")
        mail: Int @authenticated
        inner: Inner
        one: Int @join__field(graph: B, requires: "two")
        two: Int @join__field(graph: C, requires: "one") @requiresScopes(scopes: [["two"]])
      }
      union Inner = Deep | Flat
      type Deep { secret: Int @requiresScopes(scopes: [["deep"]]) }
      type Flat { x: Int }`),
  );
  expect(told(ofField("T", "middle"))).toEqual([authenticated]);
  expect(told(ofField("T", "derived"))).toEqual([authenticated, scopes(["deep"])]);
  expect(told(ofField("T", "one"))).toEqual([scopes(["two"])]);
});

test("alternatives that all have to be satisfied are multiplied, and the needless ones left out", () => {
  expect(
    conjunction([
      [["a"], ["c"]],
      [["b"], ["c"]],
    ]),
  ).toEqual([["a", "b"], ["c"]]);
  expect(isSame([["b", "a"], ["c"]], [["c"], ["a", "b"], ["a", "b", "c"]])).toBe(true);
  expect(isSame([["a"]], [["b"]])).toBe(false);
});

test("an empty list of scopes or policies is satisfied by nobody", async () => {
  const everything = {
    isAuthenticated: true,
    scopes: new Set(["a"]),
    policies: (names: readonly string[]) => new Set(names),
  };
  const isMet = async (each: Requirement) => (await unmetOf(everything, [each])).size === 0;
  const requirement = (lists: string[][]): Requirement => ({
    key: "",
    authenticated: false,
    scopes: lists,
    policies: null,
  });
  expect(await isMet(requirement([]))).toBe(false);
  expect(await isMet(requirement([[]]))).toBe(false);
  expect(await isMet(requirement([["a"]]))).toBe(true);
  expect(await isMet({ ...requirement([]), scopes: null, policies: [[]] })).toBe(false);
});
