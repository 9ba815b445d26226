// A small service for the tests of this package: books, their comments, a shelf of events and two routes.
import { EventEmitter, on } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Writable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { actorKeyFor, requireSignedIn, type SignedInActor } from "@atrium/access";
import { ok, PublicError, refuse, type Result } from "@atrium/errors";
import {
  Arg,
  Args,
  buildSubgraphSchema,
  Connection,
  Ctx,
  Directive,
  Field,
  FieldResolver,
  ID,
  inOrderOf,
  InputType,
  Int,
  Mutation,
  ObjectType,
  orderBy,
  PageArguments,
  paginate,
  Payload,
  Query,
  requireText,
  Resolver,
  Root,
  Subscription,
  toPayload,
} from "@atrium/schema-kit";
import { inProcessTopics } from "@atrium/topics";
import DataLoader from "dataloader";
import pino from "pino";
import { z } from "zod";
import {
  startSubgraph,
  type Platform,
  type RequestFacts,
  type Route,
  type RunningSubgraph,
  type SubgraphOptions,
} from "..";

export const secret = "the secret of an installation that only exists in tests";
export const actorKey = actorKeyFor("library", secret);
export const ada: SignedInActor = {
  kind: "USER",
  userId: "usr_ada",
  sessionId: "ses_1",
  organizationId: "org_1",
  workspaceId: "wsp_1",
  permissions: [],
};

interface BookRow {
  id: string;
  organizationId: string;
  title: string;
}

/** What a test can see and steer of the service. */
export class Shelf {
  readonly books = new Map<string, BookRow>(
    ["a", "b", "c", "d"].map((id) => [id, { id, organizationId: id === "d" ? "org_2" : "org_1", title: `Book ${id}` }]),
  );
  readonly comments = new EventEmitter().setMaxListeners(1_000);
  readonly loads: string[][] = [];
  readonly signals: AbortSignal[] = [];
  openSources = 0;
  closed = 0;
  release: () => void = () => {};
  readonly topics = inProcessTopics();
}

interface Context extends RequestFacts {
  shelf: Shelf;
  books: DataLoader<string, BookRow | null>;
}

@ObjectType("Book", { description: "A book of the library." })
@Directive('@key(fields: "id")')
class Book {
  @Field(() => ID, { description: "Names the book." })
  id!: string;

  @Field(() => String, { description: "As on the cover." })
  title!: string;
}

@ObjectType("Comment", { description: "What somebody said of a book." })
class Comment {
  @Field(() => String, { description: "Their words." })
  text!: string;

  @Field(() => Book, { nullable: true, description: "The book." })
  book!: Book | null;
}

const BookConnection = Connection("Book", () => Book);
const byId = orderBy("books", z.tuple([z.string()]), (book: BookRow) => [book.id]);

const RenameRefusal = { TAKEN: "Another book has this title." } as const;
const RenameBookPayload = Payload(
  "renameBook",
  { book: { type: () => Book, description: "The book, renamed." } },
  RenameRefusal,
);

@InputType("RenameBookInput", { description: "Which book, and its new title." })
class RenameBookInput {
  @Field(() => ID, { description: "The book." })
  bookId!: string;

  @Field(() => String, { description: "Its new title." })
  title!: string;
}

@Resolver(() => Book)
class BookResolver {
  @Query(() => BookConnection, { description: "The books of the caller's organization." })
  books(@Args(() => PageArguments) page: PageArguments, @Ctx() { actor, shelf }: Context) {
    const { organizationId } = requireSignedIn(actor);
    return paginate(page, byId, async ({ limit, after }) =>
      [...shelf.books.values()]
        .filter((book) => book.organizationId === organizationId && (!after || book.id > after[0]!))
        .slice(0, limit),
    );
  }

  @Query(() => Book, { nullable: true, description: "One book." })
  book(@Arg("id", () => ID, { description: "Its id." }) id: string, @Ctx() { books }: Context) {
    return books.load(id);
  }

  @FieldResolver(() => [Book], { description: "Books like this one." })
  async similar(@Root() { id }: BookRow, @Ctx() { books }: Context) {
    return (await books.loadMany(["a", "b"].filter((other) => other !== id))).filter(Boolean);
  }

  @Query(() => Int, { description: "Fails as a database does." })
  broken(): number {
    throw Object.assign(new Error("duplicate key value violates unique constraint"), {
      code: "23505",
      detail: "Key (email)=(ada@example.com) already exists.",
    });
  }

  @Query(() => Int, { description: "Answers when it is let, or its signal aborts." })
  slow(@Ctx() { shelf, signal }: Context): Promise<number> {
    shelf.signals.push(signal);
    return new Promise((resolve, reject) => {
      shelf.release = () => resolve(1);
      signal.addEventListener("abort", () => reject(signal.reason));
    });
  }

  @Mutation(() => RenameBookPayload, { description: "Gives a book another title." })
  renameBook(@Arg("input", () => RenameBookInput) input: RenameBookInput, @Ctx() { shelf }: Context) {
    return toPayload(RenameBookPayload, rename(shelf, input));
  }

  @Subscription(() => Comment, {
    description: "Somebody commented on the book.",
    subscribe: ({ args, context }) => commentsOn((args as { bookId: string }).bookId, context as Context),
  })
  async commentAdded(
    @Root() text: string,
    @Arg("bookId", () => ID, { description: "The book." }) bookId: string,
    @Ctx() { books }: Context,
  ) {
    if (text === "break") throw new Error("A fault in one event.");
    return { text, book: await books.load(bookId) };
  }
}

@Resolver()
class ArrivalResolver {
  @Subscription(() => String, {
    description: "A book arrived.",
    // Without the signal, as somebody will forget it.
    subscribe: ({ context }) => (context as Context).shelf.topics.subscribe<string>("arrivals", { queueMax: 2 }),
  })
  bookArrived(@Root() title: string) {
    return title;
  }
}

function rename(shelf: Shelf, { bookId, title }: RenameBookInput): Result<BookRow, keyof typeof RenameRefusal> {
  const wanted = requireText(title, "input.title", { lengthMax: 100 });
  if ([...shelf.books.values()].some((book) => book.title === wanted)) return refuse("TAKEN", { path: ["title"] });
  const book = shelf.books.get(bookId);
  if (!book) throw new PublicError("NOT_FOUND", "No such book.");
  book.title = wanted;
  return ok(book);
}

// The policy is asked by a plain function: a generator would only ask it after the subscription was accepted.
function commentsOn(bookId: string, context: Context) {
  requireSignedIn(context.actor);
  return listen(bookId, context);
}

async function* listen(bookId: string, { shelf, signal }: Context) {
  shelf.openSources++;
  try {
    for await (const [text] of on(shelf.comments, bookId, { signal })) yield text as string;
  } finally {
    shelf.openSources--;
  }
}

export const librarySchema = () =>
  buildSubgraphSchema<Context>({
    resolvers: [BookResolver, ArrivalResolver],
    references: { Book: (context) => context.books },
  });

const routes: Route<Context>[] = [
  {
    method: "PUT",
    path: "/covers/:bookId",
    async handle({ shelf, signal }, { request, response, params }) {
      shelf.signals.push(signal);
      const bytes = await buffer(request);
      response.end(JSON.stringify({ bookId: params.bookId, sizeBytes: bytes.length }));
    },
  },
  {
    method: "GET",
    path: "/covers/:bookId",
    handle() {
      throw new PublicError("NOT_FOUND", "This book has no cover.");
    },
  },
];

const contextMaker =
  (shelf: Shelf) =>
  (facts: RequestFacts): Context => ({
    ...facts,
    shelf,
    books: new DataLoader(async (ids: readonly string[]) => {
      shelf.loads.push([...ids]);
      const organizationId = "organizationId" in facts.actor ? facts.actor.organizationId : null;
      const rows = [...shelf.books.values()].filter((book) => book.organizationId === organizationId);
      return inOrderOf(ids, rows);
    }),
  });

/** The service as one process of several runs it. */
export async function startLibraryOn({ secret, log, env, ...platform }: Platform): Promise<RunningSubgraph> {
  const shelf = new Shelf();
  const { appUrl } = await platform.database("library");
  await platform.ephemeral.set("library:started", "yes", 60);
  return startSubgraph<Context>({
    name: "library",
    schema: librarySchema(),
    personalData: { nouns: [] },
    context: contextMaker(shelf),
    internal: { database: async () => ({ name: new URL(appUrl).pathname.slice(1) }) },
    stop: async () => log.info("The library is closed."),
    actorKey: actorKeyFor("library", secret),
    metricsToken: env.METRICS_TOKEN,
    log,
  });
}

/** The service, its insides and a server of its own, for one test. */
export async function startLibrary(options: Partial<SubgraphOptions<Context>> = {}) {
  const shelf = new Shelf();
  const lines: Record<string, unknown>[] = [];
  const log = pino(
    { level: "debug" },
    new Writable({
      write(chunk, _encoding, done) {
        lines.push(JSON.parse(String(chunk)) as Record<string, unknown>);
        done();
      },
    }),
  );
  const subgraph = await startSubgraph<Context>({
    name: "library",
    schema: librarySchema(),
    personalData: { nouns: [] },
    context: contextMaker(shelf),
    routes,
    internal: { double: async (input) => ({ doubled: (input as { number: number }).number * 2 }) },
    readiness: { shelf: async () => {} },
    stop: async () => void shelf.closed++,
    actorKey,
    log,
    ...options,
  });
  const server = createServer((request, response) => subgraph.handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    shelf,
    lines,
    subgraph,
    url,
    /** Cuts all connections, as a crash does. */
    cut: () => server.closeAllConnections(),
    async close() {
      await subgraph.stop();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
