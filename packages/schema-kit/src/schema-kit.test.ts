import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { composeServices } from "@apollo/composition";
import { ok, PublicError, refuse, type Result } from "@atrium/errors";
import { buildSchema, graphql, parse } from "graphql";
import { z } from "zod";
import {
  Arg,
  Args,
  ArgsType,
  breakingChanges,
  buildSubgraphSchema,
  CalendarDate,
  checkSchema,
  Connection,
  Cost,
  Ctx,
  CurrencyCode,
  DateTime,
  Decimal,
  Directive,
  emitSchema,
  EntityStub,
  Enum,
  Field,
  FieldResolver,
  groupedInOrderOf,
  ID,
  inOrderOf,
  InputType,
  Int,
  JSONValue,
  lintDescriptions,
  Money,
  Mutation,
  ObjectType,
  orderBy,
  PageArguments,
  paginate,
  Payload,
  Query,
  requireId,
  requireIds,
  requireInteger,
  requireText,
  Resolver,
  Root,
  Sliced,
  Subscription,
  Tag,
  toMinorUnits,
  toMoney,
  toPayload,
} from ".";

interface Book {
  id: string;
  title: string;
  state: keyof typeof BookState;
  authorId: string;
  priceCents: number;
  printedAt: Date;
}
interface Context {
  books: Map<string, Book>;
  loader: { load(id: string): Promise<Book | null> };
}

const BookState = Enum("BookState", "Whether a book can be lent.", {
  ON_SHELF: "It can be lent.",
  LENT: { description: "Somebody has it.", deprecationReason: "Use `loan`. Removed after 2027-01-31." },
});

const Author = EntityStub("Author");
const Reader = EntityStub("Reader", { contributes: true });

@ObjectType("Book", { description: "A book of the library." })
@Directive('@key(fields: "id")')
class BookType {
  @Field(() => ID, { description: "Names the book." })
  id!: string;

  @Field(() => String, { description: "As on the cover." })
  title!: string;

  @Field(() => BookState, { description: "Whether it can be lent." })
  state!: keyof typeof BookState;

  @Field(() => DateTime, { description: "When it was printed." })
  printedAt!: Date;
}

const BookConnection = Connection("Book", () => BookType);
const byId = orderBy("books", z.tuple([z.string()]), (book: Book) => [book.id]);

const LendRefusal = { ALREADY_LENT: "Somebody has this book.", TOO_MANY: "No more than three at once." } as const;
const LendBookPayload = Payload(
  "lendBook",
  { book: { type: () => BookType, description: "The lent book." } },
  LendRefusal,
);

@InputType("LendBookInput", { description: "Which book to lend." })
class LendBookInput {
  @Field(() => ID, { description: "The book." })
  bookId!: string;
}

@ArgsType()
class EchoArguments {
  @Field(() => DateTime, { nullable: true, description: "An instant." })
  at?: Date;

  @Field(() => CalendarDate, { nullable: true, description: "A day." })
  on?: string;

  @Field(() => Decimal, { nullable: true, description: "A number." })
  amount?: string;

  @Field(() => CurrencyCode, { nullable: true, description: "A currency." })
  currency?: string;

  @Field(() => JSONValue, { nullable: true, description: "Anything." })
  json?: unknown;
}

@Resolver(() => BookType)
class BookResolver {
  @Query(() => BookConnection, { description: "All books." })
  books(@Args(() => PageArguments) page: PageArguments, @Ctx() { books }: Context) {
    return paginate(page, byId, async ({ limit, after }) =>
      [...books.values()].filter(({ id }) => !after || id > after[0]!).slice(0, limit),
    );
  }

  @FieldResolver(() => Money, { description: "What it costs." })
  price(@Root() book: Book) {
    return toMoney(book.priceCents, "EUR");
  }

  @FieldResolver(() => Author, { nullable: true, description: "Who wrote it." })
  author(@Root() book: Book) {
    return { id: book.authorId };
  }

  @Query(() => JSONValue, { nullable: true, description: "Gives back what it was given." })
  echo(@Args(() => EchoArguments) given: EchoArguments) {
    return given;
  }

  @Mutation(() => LendBookPayload, { description: "Lends a book." })
  lendBook(@Arg("input", () => LendBookInput) { bookId }: LendBookInput, @Ctx() { books }: Context) {
    return toPayload(LendBookPayload, lend(books.get(bookId)));
  }

  @Subscription(() => BookType, {
    description: "A book came back.",
    subscribe: async function* () {
      yield null;
    },
  })
  bookReturned(@Root() book: Book) {
    return book;
  }
}

@Resolver(() => Reader)
class ReaderResolver {
  @FieldResolver(() => [BookType], { description: "What they have at home." })
  loans() {
    return [];
  }
}

function lend(book: Book | undefined): Result<Book, keyof typeof LendRefusal> {
  if (!book) throw new PublicError("NOT_FOUND", "No such book.");
  return book.state === "LENT" ? refuse("ALREADY_LENT", { path: ["bookId"] }) : ok(book);
}

const build = () =>
  buildSubgraphSchema<Context>({
    resolvers: [BookResolver, ReaderResolver],
    orphanedTypes: [Reader],
    references: { Book: (context) => context.loader },
  });

const bookOf = (number: number): Book => ({
  id: `book_${String(number).padStart(3, "0")}`,
  title: `Book ${number}`,
  state: number === 2 ? "LENT" : "ON_SHELF",
  authorId: "usr_1",
  priceCents: 1999,
  printedAt: new Date("2026-01-02T03:04:05.678Z"),
});

const { schema, sdl } = build();
function ask(source: string, variableValues?: Record<string, unknown>, count = 45) {
  const books = new Map(Array.from({ length: count }, (_, index) => [bookOf(index).id, bookOf(index)]));
  const contextValue: Context = { books, loader: { load: async (id) => books.get(id) ?? null } };
  return graphql({ schema, source, variableValues, contextValue });
}

/** The public error's code and field, or the error itself. */
function refusalOf(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error instanceof PublicError ? error.extensions : error;
  }
}

describe("scalars", () => {
  const echo = (given: string) => ask(`{ echo(${given}) }`);

  test.each([
    ["at", '"2026-11-20T09:30:00+01:00"', "2026-11-20T08:30:00.000Z"],
    ["on", '"2028-02-29"', "2028-02-29"],
    ["amount", '"-1049.90"', "-1049.90"],
    ["amount", '"123456789012345678901234567890.123456789012345"', "123456789012345678901234567890.123456789012345"],
    ["currency", '"EUR"', "EUR"],
    ["json", '{ a: [1, "x", null, true] }', { a: [1, "x", null, true] }],
  ])("%s takes %s", async (name, text, expected) => {
    const { data, errors } = await echo(`${name}: ${text}`);
    expect(errors).toBeUndefined();
    expect(JSON.parse(JSON.stringify(data))).toEqual({ echo: { [name]: expected } });
  });

  test.each([
    ["at", '"2026-02-30T00:00:00Z"', "a day that doesn't exist"],
    ["at", '"2026-11-20T09:30:00"', "a time without an offset"],
    ["at", '"yesterday"', "words"],
    ["at", "1700000000", "a number"],
    ["on", '"2026-02-29"', "the 29th of February of a common year"],
    ["on", '"0000-01-01"', "the year nought"],
    ["on", '"2026-1-1"', "a day without its noughts"],
    ["amount", '"1,5"', "a comma"],
    ["amount", '"1e999999"', "an exponent"],
    ["amount", "1.5", "a float"],
    ["amount", `"${"9".repeat(31)}"`, "more digits than are kept"],
    ["currency", '"euro"', "a name"],
    ["currency", '"XYZ"', "a code that nobody uses"],
  ])("%s refuses %s (%s)", async (name, text) => {
    const { errors } = await echo(`${name}: ${text}`);
    expect(errors?.[0]?.message).toMatch(/must be/);
  });

  test("a resolver's value of the wrong form is a fault that doesn't tell the value", () => {
    expect(() => DateTime.serialize("secret")).toThrow("A resolver returned a string that is no DateTime.");
    expect(() => Decimal.serialize(1.5)).toThrow("A resolver returned a number that is no Decimal.");
  });
});

describe("money", () => {
  test.each([
    [104_990n, "EUR", "1049.90"],
    [-5, "EUR", "-0.05"],
    [0, "EUR", "0.00"],
    [1_500, "JPY", "1500"],
    [1_234_567, "KWD", "1234.567"],
    [12345678901234567890n, "USD", "123456789012345678.90"],
  ])("%s minor units of %s are %s, and back", (minorUnits, currencyCode, amount) => {
    expect(toMoney(minorUnits, currencyCode)).toEqual({ amount, currencyCode });
    expect(toMinorUnits({ amount, currencyCode }, "input.price")).toBe(BigInt(minorUnits));
  });

  test("nothing is rounded: more decimal places than the currency has are refused", () => {
    expect(toMinorUnits({ amount: "1.5000", currencyCode: "EUR" }, "input.price")).toBe(150n);
    expect(refusalOf(() => toMinorUnits({ amount: "1.505", currencyCode: "EUR" }, "input.price"))).toEqual({
      code: "BAD_USER_INPUT",
      field: "input.price.amount",
    });
  });
});

describe("connections", () => {
  const page =
    "{ edges { node { id } cursor } nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }";
  type Answer = { books: { edges: { node: { id: string }; cursor: string }[]; pageInfo: Record<string, unknown> } };
  const pageOf = async (given: string) => (await ask(`{ books${given} ${page} }`)).data as unknown as Answer;

  test("page after page, everything is seen once and in order, 20 at a time", async () => {
    const seen: string[] = [];
    const sizes: number[] = [];
    for (let after = ""; ;) {
      const { books } = await pageOf(after);
      sizes.push(books.edges.length);
      seen.push(...books.edges.map(({ node }) => node.id));
      expect(books.pageInfo.hasPreviousPage).toBe(after !== "");
      if (!books.pageInfo.hasNextPage) break;
      after = `(after: "${String(books.pageInfo.endCursor)}")`;
    }
    expect(sizes).toEqual([20, 20, 5]);
    expect(seen).toEqual(Array.from({ length: 45 }, (_, index) => bookOf(index).id));
  });

  test("an empty page has no cursors", async () => {
    const { data } = await ask(`{ books ${page} }`, {}, 0);
    expect(data).toEqual({
      books: {
        edges: [],
        nodes: [],
        pageInfo: { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null },
      },
    });
  });

  test.each([0, -1, 101, 1_000_000])("a page of %s is refused, naming the argument", async (first) => {
    const { errors } = await ask(`{ books(first: ${first}) ${page} }`);
    expect(errors?.[0]?.extensions).toEqual({ code: "BAD_USER_INPUT", field: "first" });
  });

  test("a cursor that was changed, cut, made up or taken from another list is refused, naming the argument", async () => {
    const { books } = await pageOf("(first: 1)");
    const cursor = books.edges[0]!.cursor;
    const bytes = Buffer.from(cursor, "base64url");
    const changed = Buffer.from(bytes);
    changed[changed.length - 4]! ^= 1;
    const other = await paginate(
      { first: 1 },
      orderBy("authors", z.tuple([z.string()]), ({ id }: Book) => [id]),
      async () => [bookOf(0)],
    );
    const wrongForm = await paginate(
      { first: 1 },
      orderBy("books", z.number(), () => 7),
      async () => [bookOf(0)],
    );
    for (const tampered of [
      changed.toString("base64url"),
      cursor.slice(0, -4),
      `${cursor}AAAA`,
      "",
      "'; drop table book; --",
      "x".repeat(1_000_000),
      other.edges[0]!.cursor,
      wrongForm.edges[0]!.cursor,
    ]) {
      const { errors } = await ask(`query ($after: String) { books(after: $after) ${page} }`, { after: tampered });
      expect(errors?.[0]?.extensions).toEqual({ code: "BAD_USER_INPUT", field: "after" });
    }
  });
});

describe("payloads", () => {
  const lendBook = (bookId: string) =>
    ask(
      "mutation ($input: LendBookInput!) { lendBook(input: $input) { book { id } userErrors { code message path } } }",
      {
        input: { bookId },
      },
    );

  test("an act that was carried out has its entity and no errors", async () => {
    expect(await lendBook("book_001")).toEqual({ data: { lendBook: { book: { id: "book_001" }, userErrors: [] } } });
  });

  test("a refusal has its code, the table's message and the field", async () => {
    const userErrors = [{ code: "ALREADY_LENT", message: "Somebody has this book.", path: ["bookId"] }];
    expect(await lendBook("book_002")).toEqual({ data: { lendBook: { book: null, userErrors } } });
  });

  test("a refusal that says more than the table does is believed", () => {
    const refusal = refuse("TOO_MANY", { message: "You have four." });
    expect(toPayload(LendBookPayload, refusal).userErrors).toEqual([
      { code: "TOO_MANY", message: "You have four.", path: null },
    ]);
  });

  test("absence is a top-level error, which leaves the fields beside it", async () => {
    const { data, errors } = await ask(`mutation {
      a: lendBook(input: { bookId: "none" }) { book { id } }
      b: lendBook(input: { bookId: "book_001" }) { book { id } }
    }`);
    expect(data).toEqual({ a: null, b: { book: { id: "book_001" } } });
    expect(errors?.map(({ path, extensions }) => [path, extensions.code])).toEqual([[["a"], "NOT_FOUND"]]);
  });

  test("several fields come from an object; without refusals there are no userErrors; the compiler knows the codes", () => {
    const fields = {
      key: { type: () => String, description: "The key." },
      secret: { type: () => String, description: "Shown once." },
    };
    const CreateKeyPayload = Payload("createKey", fields, { TOO_MANY: "Enough." });
    expect(toPayload(CreateKeyPayload, ok({ key: "k", secret: "s" }))).toEqual({
      key: "k",
      secret: "s",
      userErrors: [],
    });
    // @ts-expect-error — a payload doesn't declare this refusal
    toPayload(CreateKeyPayload, refuse("NOT_DECLARED"));
    // @ts-expect-error — the value lacks a field of the payload
    toPayload(CreateKeyPayload, ok({ key: "k" }));
    const SignOutPayload = Payload("signOut", { signedOut: { type: () => Boolean, description: "Always true." } });
    expect(toPayload(SignOutPayload, ok(true))).toMatchObject({ signedOut: true });
  });
});

describe("entities", () => {
  test("a reference resolves through the loader; what the loader doesn't give is null", async () => {
    const { data } = await ask(
      "query ($of: [_Any!]!) { _entities(representations: $of) { __typename ... on Book { id title price { amount } } } }",
      { of: ["book_001", "nobody's", "book_003"].map((id) => ({ __typename: "Book", id })) },
    );
    expect(data).toEqual({
      _entities: [
        { __typename: "Book", id: "book_001", title: "Book 1", price: { amount: "19.99" } },
        null,
        { __typename: "Book", id: "book_003", title: "Book 3", price: { amount: "19.99" } },
      ],
    });
  });

  test("a frozen entity resolves as well", async () => {
    const contextValue = { loader: { load: async () => Object.freeze(bookOf(1)) } };
    const source = '{ _entities(representations: [{ __typename: "Book", id: "x" }]) { ... on Book { title } } }';
    expect((await graphql({ schema, source, contextValue })).data).toEqual({ _entities: [{ title: "Book 1" }] });
  });

  test("a reference without an id is the caller's fault", async () => {
    const { errors } = await ask(
      '{ _entities(representations: [{ __typename: "Book", id: { a: 1 } }]) { __typename } }',
    );
    expect(errors?.[0]?.extensions).toMatchObject({ code: "BAD_USER_INPUT" });
  });

  test("an entity without a loader, or a loader without an entity, doesn't build", () => {
    const parts = { resolvers: [BookResolver, ReaderResolver], orphanedTypes: [Reader] };
    expect(() => buildSubgraphSchema(parts)).toThrow("Entities without a loader in `references`: Book.");
    const loader = () => ({ load: async () => null });
    expect(() => buildSubgraphSchema({ ...parts, references: { Book: loader, Author: loader } })).toThrow("Author");
  });

  test("rows come in the order of the ids, with null for what is missing", () => {
    expect(inOrderOf(["b", "x", "a", "b"], [{ id: "a" }, { id: "b" }])).toEqual([
      { id: "b" },
      null,
      { id: "a" },
      { id: "b" },
    ]);
    const children = [
      { id: "1", parentId: "a" },
      { id: "2", parentId: "b" },
      { id: "3", parentId: "a" },
    ];
    expect(groupedInOrderOf(["b", "x", "a"], children, ({ parentId }) => parentId)).toEqual([
      [children[1]],
      [],
      [children[0], children[2]],
    ]);
  });
});

describe("the emitted schema", () => {
  test("is the same every time, and holds the directives and their imports", () => {
    expect(build().sdl).toBe(sdl);
    expect(sdl).toMatch(
      /^extend schema @link\(url: "https:\/\/specs\.apollo\.dev\/federation\/v2\.12", import: \["@cost", "@key", "@listSize", "@shareable"\]\)/,
    );
    for (const line of [
      'type Book @key(fields: "id") {',
      'type Author @key(fields: "id", resolvable: false) {',
      'type Reader @key(fields: "id") {',
      "type Money @shareable {",
      'LENT @deprecated(reason: "Use `loan`. Removed after 2027-01-31.")',
    ])
      expect(sdl).toContain(line);
  });

  test("holds nothing of another service in the same process", () => {
    @ObjectType("Book", { description: "Another service's idea of a book." })
    class OtherBook {
      @Field(() => String, { description: "Its shelf mark." })
      shelfMark!: string;
    }
    @Resolver()
    class OtherResolver {
      @Query(() => OtherBook, { nullable: true, description: "The book." })
      otherBook() {
        return null;
      }
    }
    const other = buildSubgraphSchema({ resolvers: [OtherResolver] }).sdl;
    expect(other).toContain("shelfMark: String!");
    expect(other).not.toMatch(/LendBook|Author|title/);
    expect(build().sdl).toBe(sdl);
  });

  test("composes with its neighbours; what is shared is shared, and the owner's descriptions win", () => {
    @ObjectType("Author", { description: "Somebody who writes." })
    @Directive('@key(fields: "id")')
    class AuthorType {
      @Field(() => ID, { description: "Names the author." })
      id!: string;
    }
    const AuthorConnection = Connection("Author", () => AuthorType);
    const ReaderStub = EntityStub("Reader");
    @Resolver()
    class AuthorResolver {
      @Query(() => AuthorConnection, { nullable: true, description: "All authors." })
      authors(@Args(() => PageArguments) _page: PageArguments) {
        return null;
      }

      @Query(() => ReaderStub, { nullable: true, description: "The reader who asks." })
      me() {
        return null;
      }
    }
    const authors = buildSubgraphSchema<{ loader: { load(id: string): Promise<null> } }>({
      resolvers: [AuthorResolver],
      references: { Author: ({ loader }) => loader },
    });
    const { errors, supergraphSdl } = composeServices([
      { name: "library", typeDefs: parse(sdl) },
      { name: "authors", typeDefs: parse(authors.sdl) },
    ]);
    expect(errors).toBeUndefined();
    expect(supergraphSdl).toMatch(/"""Somebody who writes\."""\s+type Author/);
  });
});

describe("costs and contracts", () => {
  test("a field with a connection says that `first` sizes its page, and what stands around the nodes is free", () => {
    expect(sdl).toMatch(
      /\): BookConnection! @listSize\(slicingArguments: \["first"\], sizedFields: \["edges", "nodes"\]/,
    );
    for (const type of ["BookConnection", "BookEdge", "PageInfo"])
      expect(sdl).toMatch(new RegExp(`type ${type} .*@cost\\(weight: 0\\)`));
    expect(sdl).toMatch(/import: \[.*"@cost".*"@listSize".*\]/);
  });

  test("fields are weighed, sliced and tagged, and all of it is in the supergraph", () => {
    @ObjectType("Found", { description: "What a search found." })
    class Found {
      @Field(() => [String], { description: "The words." })
      words!: string[];
    }
    @Resolver()
    class SearchResolver {
      @Cost(10)
      @Sliced("words")
      @Tag("internal")
      @Query(() => Found, { nullable: true, description: "Finds words." })
      search(@Arg("first", () => Int, { defaultValue: 10, description: "How many." }) _first: number) {
        return null;
      }
    }
    const { sdl: searching } = buildSubgraphSchema({ resolvers: [SearchResolver] });
    const { errors, supergraphSdl } = composeServices([{ name: "search", typeDefs: parse(searching) }]);
    expect(errors).toBeUndefined();
    const field = /search\([\s\S]*?\): Found .*/.exec(supergraphSdl!)![0];
    expect(field).toContain("@cost(weight: 10)");
    expect(field).toContain('@listSize(slicingArguments: ["first"], sizedFields: ["words"]');
    expect(field).toContain('@tag(name: "internal")');
  });

  test("no client is broken by what a field costs", () => {
    expect(breakingChanges(sdl.replaceAll(/ @(cost|listSize)\([^)]*\)/g, ""), sdl)).toEqual([]);
  });
});

describe("descriptions", () => {
  test("nothing of a service's schema lacks one, what the factories made included", () => {
    expect(lintDescriptions(schema)).toEqual([]);
  });

  test("each kind of thing that lacks one is named", () => {
    const bare = buildSchema(`
      "Root." type Query { bare: Int "Has one." field(bare: Int): Int "Has one." types(input: Input): Bare }
      type Bare { "Has one." a: Kind "Has one." b: Either "Has one." c: Face "Has one." d: Raw }
      input Input { bare: Int }
      enum Kind { BARE }
      union Either = Bare
      interface Face { bare: Int }
      scalar Raw
      "  " type Blank { "Has one." a: Int }
    `);
    expect(lintDescriptions(bare).sort()).toEqual(
      [
        ...["Bare", "Blank", "Either", "Face", "Face.bare", "Input", "Input.bare", "Kind", "Kind.BARE", "Raw"],
        ...["Query.bare", "Query.field(bare:)", "Query.types(input:)"],
      ].sort(),
    );
  });

  test("a stub's own fields need one, though the stub doesn't", () => {
    const BareReader = EntityStub("Reader", { contributes: true });
    @Resolver(() => BareReader)
    class BareReaderResolver {
      @Query(() => BareReader, { description: "Has one." })
      reader() {
        return null;
      }

      @FieldResolver(() => String, { description: "" })
      nickname() {
        return "";
      }
    }
    expect(lintDescriptions(buildSubgraphSchema({ resolvers: [BareReaderResolver] }).schema)).toEqual([
      "Reader.nickname",
    ]);
  });
});

describe("compatibility", () => {
  const link =
    'extend schema @link(url: "https://specs.apollo.dev/federation/v2.12", import: ["@key", "@inaccessible"])\n';
  const before = `${link}
    type Query { book(id: ID!): Book books: [Book!]! }
    type Book @key(fields: "id") @key(fields: "isbn") { id: ID! isbn: String! title: String subtitle: String @deprecated(reason: "Use title. Removed after 2026-06-30.") }
    enum State { OPEN CLOSED }
    input Rename { title: String }`;
  const change = (from: string, to: string, now?: Date) => breakingChanges(before, before.replace(from, to), now);

  test("additions break nothing", () => {
    expect(change("title: String sub", "title: String! pages: Int sub")).toEqual([]);
    expect(change("OPEN CLOSED", "OPEN CLOSED LOST")).toEqual([]);
    expect(change("books: [Book!]!", "books(first: Int): [Book!]! authors: [String]")).toEqual([]);
  });

  test.each([
    ["a field that goes", "books: [Book!]!", "", "Query.books was removed."],
    ["a field that may now be null", "isbn: String!", "isbn: String", "Book.isbn changed type from String! to String."],
    ["a new required argument", "books: [", "books(first: Int!): [", "A required arg first on Query.books was added."],
    [
      "a new required input field",
      "{ title: String }",
      "{ title: String by: ID! }",
      "A required field by on input type Rename was added.",
    ],
    ["a value that goes", "OPEN CLOSED", "OPEN", "CLOSED was removed from enum type State."],
    ["a type that goes", "enum State { OPEN CLOSED }", "", "State was removed."],
    ["a key that goes", ' @key(fields: "isbn")', "", 'Book lost @key(fields: "isbn").'],
    [
      "a field that is hidden",
      "title: String sub",
      "title: String @inaccessible sub",
      "Book.title became @inaccessible.",
    ],
  ])("%s breaks", (_, from, to, expected) => {
    expect(change(from, to)).toEqual([expected]);
  });

  test("what was deprecated may go once its day has passed, not before", () => {
    const deprecated = 'subtitle: String @deprecated(reason: "Use title. Removed after 2026-06-30.")';
    expect(change(deprecated, "", new Date("2026-06-30T00:00:00Z"))).toEqual(["Book.subtitle was removed."]);
    expect(change(deprecated, "", new Date("2026-07-01T12:00:00Z"))).toEqual([]);
  });
});

describe("a service's schema.graphql", () => {
  let directory: string;
  let file: string;
  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), "atrium-schema-"));
    file = path.join(directory, "schema.graphql");
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=test", "-c", "user.email=test@example.com", ...args], {
      cwd: directory,
      stdio: "pipe",
    });

  test("is in order once it was emitted, and isn't when the code has moved on", () => {
    expect(checkSchema({ schema, sdl }, { file })[0]).toMatch(/is not what the code says; emit it again\./);
    emitSchema({ schema, sdl }, file, []);
    expect(readFileSync(file, "utf8")).toBe(sdl);
    expect(checkSchema({ schema, sdl }, { file })).toEqual([]);
    writeFileSync(file, `${sdl}\n`);
    expect(checkSchema({ schema, sdl }, { file })).toHaveLength(1);
  });

  test("that was emitted anew is still held against the committed one", () => {
    git("init", "--quiet");
    writeFileSync(file, sdl.replace("type Query {", "type Query {\n  lost: Int\n"));
    git("add", ".");
    git("commit", "--quiet", "--message", "before");
    emitSchema({ schema, sdl }, file, []);
    expect(checkSchema({ schema, sdl }, { file })).toEqual(["Breaking: Query.lost was removed."]);
    git("commit", "--quiet", "--all", "--message", "after");
    expect(checkSchema({ schema, sdl }, { file })).toEqual([]);
    expect(checkSchema({ schema, sdl }, { file, against: "HEAD~1" })).toEqual(["Breaking: Query.lost was removed."]);
  });

  test("with a fault ends the check with 1", () => {
    const [exitCode, write] = [process.exitCode, process.stderr.write];
    const written: string[] = [];
    process.stderr.write = (text: string | Uint8Array) => written.push(String(text)) > 0;
    try {
      emitSchema({ schema, sdl }, file, ["--check"]);
      expect(process.exitCode).toBe(1);
    } finally {
      process.stderr.write = write;
      process.exitCode = exitCode;
    }
    expect(written.join("")).toMatch(/emit it again/);
  });
});

describe("input", () => {
  const field = "input.name";
  const refused = { code: "BAD_USER_INPUT", field };

  test("a text is trimmed and composed", () => {
    expect(requireText("  Zoe\u0308 & Co.  ", field, { lengthMax: 20 })).toBe("Zoë & Co.");
    expect(requireText("a\n\tb", field, { lengthMax: 20, multiline: true })).toBe("a\n\tb");
    expect(requireText(" ", field, { lengthMin: 0, lengthMax: 20 })).toBe("");
  });

  test.each([
    ["an empty one", "   "],
    ["one that is too long", "x".repeat(21)],
    ["one of a million characters", "x".repeat(1_000_000)],
    ["one that grows when composed", "\u0958".repeat(20)],
    ["a nought", "a\u0000b"],
    ["a line break where there is one line", "a\nb"],
    ["an escape", "a\u001b[31mb"],
    ["a mark that turns the text round", "abc\u202etxt.exe"],
    ["half a character", "a\ud800"],
  ])("%s is refused, naming the field", (_, text) => {
    expect(refusalOf(() => requireText(text, field, { lengthMax: 20 }))).toEqual(refused);
  });

  test("ids have their prefix, numbers their bounds, lists their length", () => {
    const id = "doc_01jaaaaaaaaaaaaaaaaaaaaaaa";
    expect(requireId("doc", id, field)).toBe(id);
    expect(requireIds("doc", [id, id], field, { countMax: 2 })).toEqual([id]);
    expect(requireInteger(7, field, { min: 1, max: 7 })).toBe(7);
    for (const wrong of ["usr_01jaaaaaaaaaaaaaaaaaaaaaaa", "doc_1", "", `${id}'`])
      expect(refusalOf(() => requireId("doc", wrong, field))).toEqual(refused);
    expect(refusalOf(() => requireIds("doc", [id, "x"], field, { countMax: 2 }))).toEqual({
      ...refused,
      field: `${field}.1`,
    });
    expect(refusalOf(() => requireIds("doc", [id, id, id], field, { countMax: 2 }))).toEqual(refused);
    for (const wrong of [0, 8, 1.5, NaN, Infinity])
      expect(refusalOf(() => requireInteger(wrong, field, { min: 1, max: 7 }))).toEqual(refused);
  });
});
