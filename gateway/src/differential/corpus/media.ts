import { list, type Case, type Thing } from "../case";

export const media: Case = {
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
