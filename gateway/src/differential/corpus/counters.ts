import { type Case, type Thing } from "../case";

export const counters: Case = {
  name: "mutations in order, input objects and enums that subgraphs know in part",
  subgraphs: {
    count: `
      type Query { counter: Counter! }
      type Mutation { add(input: AddInput!): Counter reset: Counter! fail: Counter }
      input AddInput { by: Int! = 1 note: String kind: Kind }
      enum Kind { UP DOWN }
      type Counter @key(fields: "id") { id: ID! value: Int! }`,
    notes: `
      type Mutation { note(text: String!): Counter }
      type Counter @key(fields: "id") { id: ID! notes: [String!]! length: Int! }`,
  },
  data() {
    const counter: Thing = {
      __typename: "Counter",
      id: "c",
      value: 0,
      notes: [],
      length: (_: Thing, self: Thing) => (self.notes as string[]).length,
    };
    const snapshot = () => ({ ...counter });
    return {
      Query: { counter },
      Mutation: {
        add: ({ input }: Thing) => {
          const { by, kind } = input as { by: number; kind?: string };
          counter.value = Number(counter.value) + (kind === "DOWN" ? -by : by);
          return snapshot();
        },
        reset: () => {
          counter.value = 0;
          return snapshot();
        },
        fail: new Error("failed on purpose"),
        note: ({ text }: Thing) => {
          counter.notes = [...(counter.notes as string[]), text];
          return snapshot();
        },
      },
      Counter: [counter],
    };
  },
  operations: [
    'mutation { add(input: { by: 2 }) { value } n: note(text: "x") { id } b: add(input: {}) { value } reset { value } }',
    "mutation ($in: AddInput!) { reset { value } add(input: $in) { value } fail { value } c: add(input: { kind: DOWN, by: 5 }) { value } }",
    "mutation { reset { value } ...F z: add(input: { by: 3 }) { value } } fragment F on Mutation { f: add(input: { kind: DOWN }) { id } }",
    'mutation ($on: Boolean!) { reset { value } ... { ...F @include(if: $on) f: add(input: {}) { value } } n: note(text: "n") { value } } fragment F on Mutation { f: add(input: {}) { id } ... on Mutation { g: add(input: { by: 7 }) { value } } }',
  ],
  input: { by: 3, note: "n" },
};
