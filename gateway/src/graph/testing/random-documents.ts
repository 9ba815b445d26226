import { buildSchema, type GraphQLSchema } from "graphql";

/** Objects, interfaces and a union whose fields have types of every shape, each under the same few names. */
export const tangledSchema: GraphQLSchema = buildSchema(`
  interface I { s(n: Int): String a: A i: I }
  interface J { s(n: Int): String i: I j: J }
  type A implements I & J { s(n: Int): String t: String a: A i: I j: J u: U l: [A] n: Int m: String! b: B }
  type B implements I & J { s(n: Int): String t: Int a: A i: I j: J u: U l: [B!] n: Int m: String b: B }
  type C implements I { s(n: Int): String t: String a: A i: I u: U l: A n: Int! m: String b: B }
  union U = A | B | C
  type Query { a: A b: B i: I j: J u: U }
`);
const types = ["A", "B", "C", "I", "J", "U"];
const leaves = ["s", "s", "s", "s(n: 1)", "s(n: 2)", "t", "n", "m", "__typename"];
const composites = ["a", "i", "j", "u", "l", "b"];

/** Documents, each fragment of which spreads earlier ones alone, of fields that often have the same key, in fragments of any type; few of them are otherwise valid. */
export function* randomDocuments({ seed, count }: { seed: number; count: number }): Generator<string> {
  let state = seed;
  // mulberry32
  const random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const oneOf = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)]!;

  function selections(depth: number, fragments: number): string {
    const size = 1 + Math.floor(random() * 3);
    return Array.from({ length: size }, () => selection(depth, fragments)).join(" ");
  }
  function selection(depth: number, fragments: number): string {
    const kind = random();
    if (kind < 0.15 && fragments > 0) return `...F${Math.floor(random() * fragments)}`;
    if (kind < 0.35 && depth > 0)
      return `... ${random() < 0.8 ? `on ${oneOf(types)}` : ""} { ${selections(depth - 1, fragments)} }`;
    const isLeaf = depth === 0 || kind < 0.6;
    const field = oneOf(isLeaf ? leaves : composites);
    const alias = random() < 0.15 ? `${isLeaf ? "x" : "y"}: ` : "";
    return isLeaf ? `${alias}${field}` : `${alias}${field} { ${selections(depth - 1, fragments)} }`;
  }

  for (let made = 0; made < count; made++) {
    const fragments = Math.floor(random() * 4);
    const defined = Array.from(
      { length: fragments },
      (_, own) => `fragment F${own} on ${oneOf(types)} { ${selections(2, own)} }`,
    );
    yield `{ ${oneOf(["a", "b", "i", "j", "u"])} { ${selections(4, fragments)} } ${selections(2, fragments)} } ${defined.join(" ")}`;
  }
}
