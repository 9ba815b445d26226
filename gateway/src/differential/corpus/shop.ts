import { list, type Case, type Thing } from "../case";

export const shop: Case = {
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
