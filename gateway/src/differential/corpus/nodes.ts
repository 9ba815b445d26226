import { list, read, type Case, type Thing } from "../case";

export const nodes: Case = {
  name: "entity interfaces, two interface objects, @requires of an interface object, interfaces in interfaces",
  subgraphs: {
    things: `
      type Query { nodes: [Node!]! owned(first: Int = 3): [Owned]! node(id: ID!): Node }
      interface Node @key(fields: "id") { id: ID! label: String }
      interface Owned { owner: Person label: String }
      type Car implements Node & Owned @key(fields: "id") { id: ID! label: String owner: Person wheels: Int! }
      type House implements Node & Owned @key(fields: "id") { id: ID! label: String owner: Person rooms: [Room!] }
      type Person implements Node @key(fields: "id") { id: ID! label: String }
      type Room { name: String inhabitants: [Node] }`,
    notes: `
      type Query { note: Note anyNode(id: ID!): Node }
      type Node @key(fields: "id") @interfaceObject {
        id: ID! label: String @external notes(first: Int! = 2): [Note!]! loud: String @requires(fields: "label") }
      type Note { text: String! on: Node! replies: [[Note]] }`,
    scores: `
      type Node @key(fields: "id") @interfaceObject { id: ID! score: Float best: Boolean! next: Node }`,
    people: `
      type Query { eldest: Person }
      type Person @key(fields: "id") { id: ID! age: Int friends: [Person] }
      type Car @key(fields: "id") { id: ID! wheels: Int! @external fee: Int @requires(fields: "wheels") }`,
  },
  data() {
    const people = list(3, (n) => ({
      __typename: "Person",
      id: `p${n}`,
      label: `Person ${n}`,
      age: 20 + n,
    })) as Thing[];
    people.forEach((each, n) => (each.friends = n === 2 ? null : [people[(n + 1) % 3], null]));
    const cars = list(2, (n) => ({
      __typename: "Car",
      id: `c${n}`,
      label: n === 1 ? null : "Car 0",
      owner: n === 1 ? null : people[0],
      wheels: 3 + n,
      fee: (_: Thing, self: Thing) => Number(self.wheels) * 10,
    })) as Thing[];
    const houses = list(2, (n) => ({
      __typename: "House",
      id: `h${n}`,
      label: `House ${n}`,
      owner: people[n + 1],
      rooms: n === 0 ? null : [{ name: null, inhabitants: [people[0], cars[0], null] }],
    })) as Thing[];
    const all = [...cars, ...houses, ...people];
    all.forEach((each, n) => {
      each.__as = "Node";
      each.score = n === 2 ? null : n / 2;
      each.best = n % 3 === 0;
      each.next = all[(n + 3) % all.length];
      each.loud = (_: Thing, self: Thing) => (self.label == null ? null : `${String(read(self, "label"))}!`);
      each.notes = ({ first }: Thing) =>
        list(3, (m) => ({
          text: `note ${m}`,
          on: each,
          replies: m === 1 ? null : [[{ text: "re", on: all[0] }, null]],
        })).slice(0, Math.max(0, Number(first)));
    });
    const byId = ({ id }: Thing) => all.find((each) => each.id === id) ?? null;
    return {
      Query: {
        nodes: all,
        owned: ({ first }: Thing) => [...cars, ...houses].slice(0, Number(first ?? 4)),
        node: byId,
        anyNode: byId,
        note: { text: "root", on: houses[1], replies: [] },
        eldest: people[2],
      } as Thing,
      Car: cars,
      House: houses,
      Person: people,
      Node: all,
    };
  },
  operations: [
    "{ nodes { __typename id loud score ... on Car { wheels fee } ... on House { rooms { inhabitants { label best } } } } }",
    '{ anyNode(id: "h1") { __typename label loud score notes { text on { __typename id } } ... on Owned { owner { age } } } }',
    "{ note { on { loud next { next { label notes(first: 1) { replies { text on { __typename } } } } } } } eldest { loud friends { score label } } }",
    "{ owned { owner { notes { text } friends { loud } } ... on Node { id best } } }",
  ],
};
