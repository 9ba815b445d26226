import type { Case, Thing } from "./house";

const list = (count: number, make: (n: number) => Thing): Thing[] => Array.from({ length: count }, (_, n) => make(n));

const shop: Case = {
  name: "several keys, composite and nested keys, @requires with arguments and nested selections, @provides, shared fields",
  subgraphs: {
    products: `
      type Query { products(first: Int = 4): [Product!]! product(sku: ID!): Product }
      type Product @key(fields: "sku") @key(fields: "id brand { code }") {
        sku: ID! id: ID! brand: Brand! name(upper: Boolean = false): String price(currency: Currency! = EUR): Int size: Size
        related: [Product] grid: [[Int]]
      }
      type Brand { code: ID! label: String }
      type Size @shareable { width: Int! height: Int }
      enum Currency { EUR USD }`,
    stock: `
      type Product @key(fields: "id brand { code }") {
        id: ID! brand: Brand! @shareable
        price(currency: Currency! = EUR): Int @external
        size: Size @external
        shipping(fast: Boolean!): Int @requires(fields: "price(currency: USD) size { width height }")
        inStock: Int
        warehouse: Warehouse @provides(fields: "city")
      }
      type Brand @shareable { code: ID! }
      type Size { width: Int! @external height: Int @external }
      enum Currency { EUR USD }
      type Warehouse @key(fields: "id") { id: ID! city: String @external doors: Int! }`,
    places: `
      type Query { warehouses: [Warehouse] }
      type Warehouse @key(fields: "id") { id: ID! city: String @shareable country: String! manager: Person }
      type Person @key(fields: "email") { email: ID! }`,
    people: `
      type Query { people: [Person!] }
      type Person @key(fields: "email") { email: ID! name: String! boss: Person reports: [Person!]! }`,
  },
  data() {
    const people = list(3, (n) => ({ __typename: "Person", email: `p${n}@x`, name: `Person ${n}` }));
    people.forEach((person, n) => {
      person.boss = n === 0 ? null : people[n - 1];
      person.reports = people.filter((_, m) => m === n + 1);
    });
    const warehouses = list(3, (n) => ({
      __typename: "Warehouse",
      id: `w${n}`,
      city: n === 2 ? null : `City ${n}`,
      country: "AT",
      doors: n + 1,
      manager: n === 1 ? null : people[n],
    }));
    const products = list(5, (n) => ({
      __typename: "Product",
      sku: `sku${n}`,
      id: `${n}`,
      brand: { __typename: "Brand", code: `b${n % 2}`, label: n === 3 ? null : `Brand ${n % 2}` },
      name: ({ upper }: Thing) => (n === 4 ? null : upper ? `PRODUCT ${n}` : `Product ${n}`),
      price: ({ currency }: Thing) => (n === 2 ? null : currency === "USD" ? 110 * n : 100 * n),
      size: n === 1 ? null : { __typename: "Size", width: n, height: n * 2 },
      grid: n === 0 ? [[1, 2], null, [null, 3]] : [],
      inStock: n,
      warehouse: warehouses[n % 3],
    }));
    for (const [n, product] of products.entries()) {
      (product as Thing).related = [products[(n + 1) % 5], null, products[(n + 2) % 5]];
      (product as Thing).shipping = ({ fast }: Thing, self: Thing) => {
        const price =
          typeof self.price === "function" ? (self.price as (a: Thing) => number)({ currency: "USD" }) : self.price;
        const size = self.size as { width: number } | null;
        return price === null ? null : Number(price) + (size?.width ?? 0) + (fast ? 1_000 : 0);
      };
    }
    return {
      Query: {
        products: ({ first }: Thing) => products.slice(0, Number(first)),
        product: ({ sku }: Thing) => products.find((each) => each.sku === sku) ?? null,
        warehouses: [...warehouses, null],
        people,
      },
      Product: products as Thing[],
      Warehouse: warehouses,
      Person: people,
    };
  },
  operations: [
    "{ products { sku name shipping(fast: true) inStock } }",
    "{ products { shipping(fast: false) slow: shipping(fast: true) price(currency: EUR) size { width } } }",
    '{ product(sku: "sku1") { shipping(fast: true) warehouse { city doors country manager { name boss { name } } } } }',
    "{ products { grid related { sku inStock related { name(upper: true) } } } }",
    "query ($on: Boolean!) { products(first: 2) { sku @skip(if: $on) inStock @include(if: $on) ...P @include(if: $on) } } fragment P on Product { brand { code label } }",
    "{ warehouses { city manager { name reports { name boss { email } } } } people { name } }",
    '{ __typename products(first: 1) { __typename brand { __typename } } __schema { queryType { name } } __type(name: "Size") { fields { name } } }',
    "{ a: products(first: 1) { n: name name: sku } b: products(first: 2) { price price2: price(currency: USD) } }",
  ],
};

const zoo: Case = {
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

const media: Case = {
  name: "@interfaceObject, entity interfaces, overrides",
  subgraphs: {
    catalogue: `
      type Query { media: [Media] book(isbn: ID!): Book }
      interface Media @key(fields: "id") { id: ID! title: String }
      type Book implements Media @key(fields: "id") @key(fields: "isbn") { id: ID! isbn: ID! title: String pages: Int old: String }
      type Film implements Media @key(fields: "id") { id: ID! title: String minutes: Int! }`,
    ratings: `
      type Query { best: Media }
      type Media @key(fields: "id") @interfaceObject { id: ID! stars: Int! reviews(first: Int! = 2): [Review!]! }
      type Review { text: String about: Media! }`,
    archive: `
      type Book @key(fields: "id") { id: ID! old: String @override(from: "catalogue") shelf: String }`,
  },
  data() {
    const media: Thing[] = [
      ...list(3, (n) => ({
        __typename: "Book",
        __as: "Media",
        id: `b${n}`,
        isbn: `isbn${n}`,
        title: n === 2 ? null : `Book ${n}`,
        pages: 100 * n,
        old: `old ${n}`,
        shelf: n === 0 ? null : `shelf ${n}`,
      })),
      ...list(2, (n) => ({ __typename: "Film", __as: "Media", id: `f${n}`, title: `Film ${n}`, minutes: 90 + n })),
    ];
    media.forEach((each, n) => {
      each.stars = n;
      each.reviews = ({ first }: Thing) =>
        list(3, (m) => ({ text: m === 1 ? null : `Review ${m}`, about: each })).slice(0, Number(first));
    });
    return {
      Query: {
        media: [...media, null],
        book: ({ isbn }: Thing) => media.find((each) => each.isbn === isbn) ?? null,
        best: media[1],
      },
      Book: media.filter(({ __typename }) => __typename === "Book"),
      Film: media.filter(({ __typename }) => __typename === "Film"),
      Media: media,
    };
  },
  operations: [
    "{ media { __typename id title stars ... on Book { pages old shelf } ... on Film { minutes reviews { text } } } }",
    "{ best { id stars } }",
    "{ best { __typename title stars reviews(first: 1) { text about { id title } } } }",
    '{ book(isbn: "isbn2") { stars old shelf reviews { about { ... on Book { pages } } } } }',
  ],
};

const faults: Case = {
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

const counters: Case = {
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
      type Counter @key(fields: "id") { id: ID! notes: [String!]! }`,
  },
  data() {
    const counter: Thing = { __typename: "Counter", id: "c", value: 0, notes: [] };
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
  ],
};

export const corpus: Case[] = [shop, zoo, media, faults, counters];
