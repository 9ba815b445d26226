import { ok, PublicError, refuse, type Result } from "@atrium/errors";
import { z } from "zod";
import {
  Arg,
  Args,
  buildSubgraphSchema,
  Connection,
  Ctx,
  DateTime,
  Directive,
  EntityStub,
  Enum,
  Field,
  FieldResolver,
  ID,
  InputType,
  lintDescriptions,
  Money,
  Mutation,
  ObjectType,
  orderBy,
  PageArguments,
  paginate,
  Payload,
  Query,
  Resolver,
  Root,
  Subscription,
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

test("smoke", async () => {
  const { schema, sdl } = build();
  console.log(sdl);
  console.log(lintDescriptions(schema));
});
