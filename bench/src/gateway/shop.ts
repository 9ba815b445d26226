import { composeServices } from "@apollo/composition";
import { parse } from "graphql";

// The shop that gateways are usually compared by: accounts, products, reviews and stock, joined by entities.

const link = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key", "@external", "@requires", "@shareable"])\n`;

export const schemas: Record<string, string> = {
  accounts: `${link}
    type Query { me: User, users: [User] }
    type User @key(fields: "id") { id: ID!, name: String, username: String, birthday: Int }
  `,
  products: `${link}
    type Query { topProducts(first: Int = 5): [Product] }
    type Product @key(fields: "upc") { upc: String!, name: String, price: Int, weight: Int }
  `,
  reviews: `${link}
    type Review @key(fields: "id") { id: ID!, body: String, author: User, product: Product }
    type Subscription { reviewAdded: Review }
    type User @key(fields: "id") { id: ID!, reviews: [Review] }
    type Product @key(fields: "upc") { upc: String!, reviews: [Review] }
  `,
  inventory: `${link}
    type Product @key(fields: "upc") {
      upc: String!
      weight: Int @external
      price: Int @external
      inStock: Boolean
      shippingEstimate: Int @requires(fields: "price weight")
    }
  `,
};

const users = Array.from({ length: 6 }, (_, n) => ({
  id: `u${n}`,
  name: `Customer ${n} of the shop`,
  username: `customer-${n}`,
  birthday: 1_970 + n,
}));
const products = Array.from({ length: 9 }, (_, n) => ({
  upc: `p${n}`,
  name: `Article number ${n}`,
  price: 100 + 37 * n,
  weight: 10 * (n + 1),
  inStock: n % 3 !== 0,
}));
const reviews = Array.from({ length: 22 }, (_, n) => ({
  id: `r${n}`,
  body: `The ${n}th opinion: it does what it says, for longer than one would have thought.`,
  authorId: users[(n * 5) % users.length]!.id,
  upc: products[(n * 7) % products.length]!.upc,
}));

const reviewOf = ({ id, body, authorId, upc }: (typeof reviews)[number]) => ({
  id,
  body,
  author: { __typename: "User", id: authorId },
  product: { __typename: "Product", upc },
});

export const resolvers: Record<string, Record<string, Record<string, unknown>>> = {
  accounts: {
    Query: { me: () => users[0], users: () => users },
    User: { __resolveReference: ({ id }: { id: string }) => users.find((user) => user.id === id) ?? null },
  },
  products: {
    Query: { topProducts: (_: unknown, { first }: { first: number }) => products.slice(0, first) },
    Product: { __resolveReference: ({ upc }: { upc: string }) => products.find((each) => each.upc === upc) ?? null },
  },
  reviews: {
    Review: {
      __resolveReference: ({ id }: { id: string }) => reviews.filter((each) => each.id === id).map(reviewOf)[0] ?? null,
    },
    User: {
      __resolveReference: (reference: object) => reference,
      reviews: ({ id }: { id: string }) => reviews.filter(({ authorId }) => authorId === id).map(reviewOf),
    },
    Product: {
      __resolveReference: (reference: object) => reference,
      reviews: ({ upc }: { upc: string }) => reviews.filter((each) => each.upc === upc).map(reviewOf),
    },
  },
  inventory: {
    Product: {
      __resolveReference: (reference: object) => reference,
      inStock: ({ upc }: { upc: string }) => products.find((each) => each.upc === upc)?.inStock ?? null,
      shippingEstimate: ({ price, weight }: { price: number; weight: number }) =>
        price > 300 ? 0 : Math.round(weight / 2),
    },
  },
};

/** The supergraph, with each subgraph's address in it. */
export function supergraphOf(urls: ReadonlyMap<string, string>): string {
  const services = Object.entries(schemas).map(([name, sdl]) => ({
    name,
    url: urls.get(name)!,
    typeDefs: parse(sdl),
  }));
  const { supergraphSdl, errors } = composeServices(services);
  if (errors) throw new Error(errors.join("\n"));
  return supergraphSdl;
}

/** Three fetches, one after the other: products, their reviews, the reviews' authors. */
export const threeHops = `query ThreeHops {
  topProducts(first: 5) { upc name price reviews { id body author { id name username } } }
}`;

/** Sixteen fetches, entities within entities: the usual comparison's query. */
export const sixteenFetches = `query SixteenFetches {
  users { ...Person reviews { ...Opinion product { ...Article reviews { ...Opinion author { ...Person
    reviews { ...Opinion product { ...Article } } } } } } }
  topProducts { ...Article reviews { ...Opinion author { ...Person reviews { ...Opinion product { ...Article } } } } }
}
fragment Person on User { id username name }
fragment Opinion on Review { id body }
fragment Article on Product { inStock name price shippingEstimate upc weight }`;
