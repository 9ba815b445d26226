import { buildSchema, getVariableValues } from "graphql";
import { createDocuments } from "./graph/documents";
import { createOperationGate } from "./limits";
import { refusing } from "./admission/shape";
import { createCostModel } from "./admission/cost";
import { needsOf } from "./authorization/needs";
import { createPlannedOperations } from "./graph/planned-operation";
import { compileShape } from "./execution/shape";
import { readRequirements } from "./authorization/requirements";
import { nasty } from "./zz-measure";
const T = "ABCDEFGHIJKLMNO".split("");
const schema = buildSchema(`
  directive @requiresScopes(scopes: [[String!]!]!) on OBJECT | FIELD_DEFINITION
  interface Node { id: ID! node: Node name(a: Int, b: [Int]): String list: [Node] }
  interface Other { id: ID! }
  union U = A | B | C
  ${T.map((t) => `type ${t} implements Node { id: ID! node: Node name(a: Int, b: [Int]): String u: U other: String list: [${t}] many(input: In): ${t} }`).join("\n")}
  ${Array.from({ length: 1000 }, (_, i) => `type T${i} implements Node ${i === 999 ? "& Other" : ""} { id: ID! node: Node name(a: Int, b: [Int]): String list: [Node] }`).join("\n")}
  type T1000 implements Other { id: ID! }
  type Query { node(id: ID): Node nodes: [Node] other: Other a: A b: B u: U many(input: In): [Node] }
  input In { a: Int b: In c: [In] d: String }
  directive @d(a: Int) repeatable on FIELD
`);
const range = (n: number, f: (i: number) => string, sep = " ") => Array.from({ length: n }, (_, i) => f(i)).join(sep);
const more: Record<string, string> = {
  "interface fields 2000": `{ node { ${range(1999, () => "id")} } }`,
  "interface spreads 1900": `{ node { ${range(1900, () => "... on Other { id }")} } }`,
  "types 1000": `{ node { ${range(1000, (i) => `... on T${i} { id name }`)} } }`,
  "types 1000 args": `{ node { ${range(900, (i) => `... on T${i} { name(a: ${i}) }`)} } }`,
  "types 1000 nest": `{ node { ${range(600, (i) => `... on T${i} { node { id } }`)} } }`,
  "interface nested lists": `{ node { ${"node { ".repeat(28)} ${range(1900, () => "id")} ${"}".repeat(28)} } }`,
  "wide args spread": `{ a { ${range(900, () => "...F")} } } fragment F on A { name(b: [${range(7000, () => "1", ",")}]) }`,
  "row of 700, 10": `{ ${range(12, () => "a { ...F0 }")} } ${range(700, (i) => `fragment F${i} on A { ...F${i+1} }`)} fragment F700 on A { id }`,
  "50 operations of fragments": `${range(50, (i) => `query Q${i} { a { ...F0 } }`)} ${range(900, (i) => `fragment F${i} on A { ...F${i+1} }`)} fragment F900 on A { id }`,
  "50 operations of variables": `${range(50, (i) => `query Q${i}($v: Int) { ...F }`)} fragment F on Query { a { ${range(1300, () => `name(a: $v)`)} } }`,
  "unknown fields on node": `{ node { ${range(1900, (i) => `idx${i}`)} } }`,
  "unknown types": `{ node { ${range(1900, (i) => `... on T${i}x { id }`)} } }`,
};
const gate = createOperationGate({ depthMax: 30, aliasesMax: 200, fieldsMax: 2000 });
const requirements = readRequirements(schema);
const model = createCostModel(schema, schema, { listSize: 10 });
const plannedOps = createPlannedOperations(schema);
const steps = ["admit", "documents", "operation", "cost", "answer size", "needs", "planned", "shape"];
function cpu() { const { user, system } = process.cpuUsage(); return (user + system) / 1000; }
function run(text: string): { ms: Record<string, number>; refused?: string } {
  const documents = createDocuments({ schema, introspection: true, parse: refusing((t) => gate.parse(t)) });
  const ms: Record<string, number> = {};
  const step = <X>(name: string, f: () => X): X => { const s = performance.now(); try { return f(); } finally { ms[name] = performance.now() - s; } };
  try {
    step("admit", () => gate.admit(text));
    step("documents", () => documents.documentOf(text));
    const name = /query (\w+)/.exec(text)?.[1];
    const op = step("operation", () => documents.operationOf(text, name));
    const variables = getVariableValues(schema, op.definition.variableDefinitions ?? [], {}).coerced ?? {};
    step("cost", () => model.estimate(op, variables));
    step("answer size", () => { try { gate.checkCost(schema, op.document, op.definition, variables); } catch {} });
    step("needs", () => needsOf(op, schema, requirements));
    const planned = step("planned", () => plannedOps.plannedFor(op, variables));
    const shape = step("shape", () => compileShape({ schema, document: op.document, variables }, schema.getQueryType()!, [op.definition.selectionSet]));
    void shape; void planned;
  } catch (error) { return { ms, refused: (error as Error).message.slice(0, 70) }; }
  return { ms };
}
for (const [name, text] of Object.entries({ ...nasty, ...more })) {
  let best: ReturnType<typeof run> | undefined; let first = 0; let bestTotal = Infinity;
  for (let k = 0; k < 6; k++) {
    const result = run(text + " ".repeat(k));
    const total = Object.values(result.ms).reduce((a, b) => a + b, 0);
    if (k === 0) first = total;
    if (total < bestTotal) { bestTotal = total; best = result; }
  }
  console.log(`${name.padEnd(34)} ${bestTotal.toFixed(1).padStart(7)} (first ${first.toFixed(0)}) ${best!.refused ?? ""} ${Object.entries(best!.ms).filter(([, v]) => v > 1).map(([k, v]) => `${k} ${v.toFixed(1)}`).join(", ")}`);
}
void steps; void cpu;
