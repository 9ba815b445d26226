import { list, read, type Case, type Thing } from "../case";

const number = (value: unknown) => (typeof value === "number" ? value : null);

export const orders: Case = {
  name: "@requires in chains, with arguments, through lists and unions",
  subgraphs: {
    orders: `
      type Query { orders: [Order!]! order(id: ID!): Order }
      type Order @key(fields: "id") {
        id: ID! lines: [Line!]! total(in: Currency! = EUR, rounded: Boolean = false): Int weight: Float payer: Payer
      }
      type Line @shareable { sku: ID! count: Int! tags(prefix: String): [String] }
      union Payer = Person | Firm
      type Person @key(fields: "id") { id: ID! name: String }
      type Firm @key(fields: "id") { id: ID! vat: String seat: Place }
      type Place @shareable { city: String }
      enum Currency { EUR USD }`,
    fees: `
      type Order @key(fields: "id") {
        id: ID!
        total(in: Currency! = EUR, rounded: Boolean = false): Int @external
        lines: [Line!]! @external
        payer: Payer @external
        weight: Float @external
        fee(extra: Int = 0): Int @requires(fields: "total(in: USD, rounded: true) lines { sku count tags(prefix: \\"x\\") }")
        tax: Int @requires(fields: "payer { ... on Person { name } ... on Firm { vat seat { city } } }")
        parcel: Parcel @requires(fields: "weight")
      }
      type Parcel { weight: Float! label: String order: Order! }
      type Line { sku: ID! @external count: Int! @external tags(prefix: String): [String] @external }
      union Payer = Person | Firm
      type Person @key(fields: "id") { id: ID! name: String @external }
      type Firm @key(fields: "id") { id: ID! vat: String @external seat: Place @external }
      type Place { city: String @external }
      enum Currency { EUR USD }`,
    risks: `
      type Order @key(fields: "id") {
        id: ID! fee(extra: Int = 0): Int @external tax: Int @external
        risk: Int! @requires(fields: "fee(extra: 7) tax") rate: Int @requires(fields: "fee(extra: 7)") worst: [Order!]!
      }`,
  },
  data() {
    const payers: (Thing | null)[] = [
      { __typename: "Person", id: "p0", name: "Person" },
      { __typename: "Firm", id: "f0", vat: "ATU1", seat: { __typename: "Place", city: "Graz" } },
      { __typename: "Firm", id: "f1", vat: null, seat: null },
      null,
    ];
    const all = list(4, (n) => ({
      __typename: "Order",
      id: `o${n}`,
      lines: list(n, (m) => ({
        __typename: "Line",
        sku: `sku${m}`,
        count: m + 1,
        tags: ({ prefix }: Thing) => (m === 1 ? null : [`${String(prefix ?? "")}a`, null]),
      })),
      total: ({ in: currency, rounded }: Thing) =>
        n === 3 ? null : (currency === "USD" ? 110 : 100) * n + (rounded ? 0 : 1),
      weight: n === 1 ? null : n / 2,
      payer: payers[n],
    })) as Thing[];
    all.forEach((each, n) => {
      each.fee = ({ extra }: Thing, self: Thing) => {
        const total = number(read(self, "total", { in: "USD", rounded: true }));
        if (total === null) return null;
        const tags = (self.lines as Thing[]).map((line) => [line.sku, line.count, read(line, "tags", { prefix: "x" })]);
        return total + JSON.stringify(tags).length + Number(extra ?? 0);
      };
      each.tax = (_: Thing, self: Thing) => {
        const payer = self.payer as Thing | null;
        if (!payer) return null;
        return JSON.stringify([payer.name ?? null, payer.vat ?? null, (payer.seat as Thing | null)?.city ?? null])
          .length;
      };
      each.parcel = (_: Thing, self: Thing) =>
        self.weight == null ? null : { weight: self.weight, label: `parcel ${n}`, order: each };
      each.risk = (_: Thing, self: Thing) =>
        (number(read(self, "fee", { extra: 7 })) ?? -1) * 1000 + (number(read(self, "tax")) ?? -1);
      each.rate = (_: Thing, self: Thing) => number(read(self, "fee", { extra: 7 }));
      each.worst = [all[(n + 1) % 4], all[(n + 2) % 4]];
    });
    return {
      Query: { orders: all, order: ({ id }: Thing) => all.find((each) => each.id === id) ?? null },
      Order: all,
      Person: payers.filter((each): each is Thing => each?.__typename === "Person"),
      Firm: payers.filter((each): each is Thing => each?.__typename === "Firm"),
    };
  },
  operations: [
    "{ orders { id fee risk rate tax } }",
    "{ orders { total(in: EUR) dollars: total(in: USD) fee(extra: 3) risk parcel { weight label order { rate } } } }",
    '{ orders { lines { tags tagged: tags(prefix: "y") } fee worst { risk worst { fee(extra: 1) payer { ... on Firm { seat { city } } } } } } }',
    '{ order(id: "o2") { fee: total risk rate payer { __typename ... on Person { name } ... on Firm { vat } } tax } }',
  ],
};
