import { list, type Case, type Thing } from "../case";

export const unions: Case = {
  name: "@provides on unions and interfaces, unions whose members subgraphs know in part, fields of types that differ",
  subgraphs: {
    library: `
      type Query {
        items: [Item] latest: Item! @provides(fields: "... on Book { title } ... on Film { title }")
        shelves: [Shelf!]! first: Titled @shareable
      }
      union Item = Book | Film | Song
      interface Titled { id: ID! title: String }
      type Book implements Titled @key(fields: "id") { id: ID! title: String @external author: Author @provides(fields: "name") }
      type Film implements Titled @key(fields: "id") { id: ID! title: String @external seen: Boolean! }
      type Song @key(fields: "id") { id: ID! seconds: Int }
      type Author @key(fields: "id") { id: ID! name: String @external born: Int }
      type Shelf @shareable { label: String! items: [[Item!]!] note: String! }`,
    titles: `
      type Query { poster: Item shelf(label: String!): Shelf first: Titled @shareable pair: [Item!]! }
      union Item = Book | Film | Poster
      interface Titled { id: ID! title: String }
      type Book implements Titled @key(fields: "id") { id: ID! title: String @shareable pages: Int }
      type Film implements Titled @key(fields: "id") { id: ID! title: String @shareable minutes: Int! }
      type Poster { text: String of: Item size: Int }
      type Shelf @shareable { label: String! items: [[Item!]!] note: String }`,
    authors: `
      type Query { authors: [Author] }
      type Author @key(fields: "id") { id: ID! name: String @shareable works: [Item!] }
      union Item = Book | Song
      type Book @key(fields: "id", resolvable: false) { id: ID! }
      type Song @key(fields: "id") { id: ID! writer: Author! }`,
  },
  data() {
    const authors = list(3, (n) => ({
      __typename: "Author",
      id: `a${n}`,
      name: n === 1 ? null : `Author ${n}`,
      born: 1900 + n,
    })) as Thing[];
    const books = list(3, (n) => ({
      __typename: "Book",
      id: `b${n}`,
      title: n === 2 ? null : `Book ${n}`,
      author: n === 2 ? null : authors[n],
      pages: n * 100,
    })) as Thing[];
    const films = list(2, (n) => ({
      __typename: "Film",
      id: `f${n}`,
      title: `Film ${n}`,
      seen: n === 0,
      minutes: 90 + n,
    })) as Thing[];
    const songs = list(2, (n) => ({
      __typename: "Song",
      id: `s${n}`,
      seconds: n === 0 ? null : 200,
      writer: authors[n],
    })) as Thing[];
    authors.forEach((author, n) => (author.works = n === 2 ? null : [books[n], songs[n]]));
    const shelves = list(2, (n) => ({
      __typename: "Shelf",
      label: `l${n}`,
      note: "dusty",
      items: n === 0 ? [[books[0], films[1]], [], [books[1]]] : null,
    })) as Thing[];
    return {
      Query: {
        items: [books[0], null, films[0], songs[1], books[2]],
        latest: books[1],
        shelves,
        first: films[1],
        poster: { __typename: "Poster", text: "See it", of: films[0], size: null },
        shelf: ({ label }: Thing) => shelves.find((each) => each.label === label) ?? null,
        pair: [{ __typename: "Poster", text: null, of: books[2], size: 3 }, films[1]],
        authors: [...authors, null],
      } as Thing,
      Author: authors,
      Book: books,
      Film: films,
      Song: songs,
    };
  },
  operations: [
    "{ latest { __typename ... on Book { title pages author { name } } ... on Film { title minutes } } }",
    "{ items { ... on Titled { title } ... on Book { author { name born works { __typename ... on Song { seconds } } } } ... on Song { writer { name } } } }",
    "{ poster { __typename ... on Poster { text of { ... on Film { seen minutes } ... on Song { seconds } } } } pair { ... on Titled { id title } } }",
    '{ shelf(label: "l0") { note items { __typename ... on Book { author { born } } ... on Film { seen } } } shelves { label items { ... on Titled { title } } } }',
    "{ first { __typename id title ... on Film { seen minutes } } authors { works { ... on Book { title pages } } } }",
  ],
};
