import { list, type Case, type Thing } from "../case";

export const zoo: Case = {
  name: "interfaces and unions of entities across subgraphs, @inaccessible values and members, key-only types",
  subgraphs: {
    animals: `
      type Query { animals: [Animal!]! things: [Thing] keeper(id: ID!): Keeper }
      interface Animal { id: ID! name: String weight: Float }
      type Dog implements Animal @key(fields: "id") { id: ID! name: String weight: Float barks: Boolean mood: Mood }
      type Cat implements Animal @key(fields: "id") { id: ID! name: String weight: Float lives: Int! keeper: Keeper }
      type Toy { label: String! owner: Animal }
      union Thing = Dog | Cat | Toy
      type Keeper @key(fields: "id", resolvable: false) { id: ID! }
      enum Mood { GOOD BAD SECRET @inaccessible }`,
    care: `
      type Dog @key(fields: "id") { id: ID! vet: String! visits: [Visit!] }
      type Cat @key(fields: "id") { id: ID! vet: String visits: [Visit!] }
      type Visit { day: Int! animal: Patient }
      union Patient = Dog | Cat
      type Keeper @key(fields: "id") { id: ID! name: String! animals: [Patient!]! }`,
  },
  data() {
    const keepers: Thing[] = list(2, (n) => ({ __typename: "Keeper", id: `k${n}`, name: `Keeper ${n}` }));
    const dogs: Thing[] = list(3, (n) => ({
      __typename: "Dog",
      id: `d${n}`,
      name: n === 1 ? null : `Dog ${n}`,
      weight: n + 0.5,
      barks: n % 2 === 0,
      mood: ["GOOD", "BAD", null][n],
      vet: `Vet ${n}`,
      visits: null,
    }));
    const cats: Thing[] = list(3, (n) => ({
      __typename: "Cat",
      id: `c${n}`,
      name: `Cat ${n}`,
      weight: null,
      lives: 9 - n,
      keeper: n === 2 ? null : keepers[n],
      vet: null,
    }));
    cats.forEach(
      (cat, n) =>
        (cat.visits = [
          { day: n, animal: dogs[n] },
          { day: n + 1, animal: cat },
        ]),
    );
    keepers.forEach((keeper, n) => (keeper.animals = [dogs[n], cats[n]]));
    return {
      Query: {
        animals: [...dogs, ...cats],
        things: [dogs[0]!, { __typename: "Toy", label: "Ball", owner: cats[1] }, null, cats[2]!],
        keeper: ({ id }: Thing) => keepers.find((each) => each.id === id) ?? null,
      },
      Dog: dogs,
      Cat: cats,
      Keeper: keepers,
    };
  },
  operations: [
    "{ animals { __typename id name ... on Dog { barks vet } ... on Cat { lives visits { day animal { ... on Dog { name } ... on Cat { lives } } } } } }",
    "{ things { __typename ... on Toy { label owner { name ... on Cat { vet } } } ... on Animal { id weight } } }",
    '{ keeper(id: "k1") { name animals { __typename ... on Dog { mood } } } other: keeper(id: "none") { name } }',
    "{ animals { ...A } } fragment A on Animal { n: name ... on Dog { n2: name } ...B } fragment B on Cat { keeper { name id } }",
  ],
};
