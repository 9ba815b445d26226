import { list, type Case, type Thing } from "../case";

export const faults: Case = {
  name: "nulls and errors everywhere, non-null fields that can't be resolved",
  subgraphs: {
    a: `
      type Query { nodes: [Node!] strict: Node! maybe: Node list: [[Node!]!] }
      type Node @key(fields: "id") { id: ID! a: String needed: String! child: Node children: [Node!]! pair: [Node]! }`,
    b: `
      type Node @key(fields: "id") { id: ID! b: String must: Int! friends: [Node!] enemy: Node! }`,
  },
  data() {
    const nodes: Thing[] = list(6, (n) => ({
      __typename: "Node",
      id: `n${n}`,
      a: n === 1 ? new Error("a is broken") : `a${n}`,
      needed: n === 2 ? null : n === 3 ? new Error("needed is broken") : `needed${n}`,
      b: n === 4 ? new Error("b is broken") : null,
      must: n === 1 ? null : n === 5 ? new Error("must is broken") : n,
    }));
    nodes.forEach((node, n) => {
      node.child = nodes[(n + 1) % 6];
      node.children = [nodes[(n + 1) % 6], nodes[(n + 2) % 6]];
      node.pair = [nodes[(n + 3) % 6], null];
      node.friends = n === 0 ? null : [nodes[(n + 4) % 6], nodes[(n + 5) % 6]];
      node.enemy = nodes[(n + 5) % 6];
    });
    return {
      Query: {
        nodes: [nodes[0], nodes[4]],
        strict: nodes[0],
        maybe: nodes[2],
        list: [[nodes[0]], [nodes[1], nodes[4]]],
      },
      Node: nodes,
    };
  },
  operations: [
    "{ nodes { id a b must } maybe { needed } }",
    "{ strict { child { a must b } children { must } } }",
    "{ nodes { friends { id must enemy { needed } } pair { b needed } } }",
    "{ list { id b enemy { a must } } maybe { child { child { child { must } } } } }",
  ],
};
