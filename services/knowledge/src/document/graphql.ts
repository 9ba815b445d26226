import {
  Arg,
  Args,
  Connection,
  Ctx,
  DateTime,
  Directive,
  Enum,
  Field,
  FieldResolver,
  Float,
  ID,
  InputType,
  Int,
  JSONValue,
  Mutation,
  ObjectType,
  PageArguments,
  Payload,
  Query,
  Resolver,
  Root,
  Subscription,
  badInput,
  optionalText,
  orderBy,
  paginate,
  requireId,
  requireIds,
  toPayload,
} from "@atrium/schema-kit";
import { ok } from "@atrium/errors";
import { z } from "zod";
import type { RequestContext } from "../context";
import { ParseFailures } from "../ingestion/failures";
import { IngestionCounts, KnowledgeBase } from "../knowledge-base/graphql";
import { mayErase, mayWrite } from "../knowledge-base/policy";
import { User } from "../references";
import { addDocuments, deleteDocument, reindexDocument, updateDocument } from "./commands";
import {
  AddDocumentsRefusal,
  ReindexDocumentRefusal,
  type Document as DocumentRow,
  type MetadataValue,
  type Passage as PassageRow,
} from "./document";
import { fileLink } from "./file-link";
import { document, documents, ingestionCounts, passagesOf } from "./queries";
import { watchIngestion } from "./watch";

const DocumentStatus = Enum("DocumentStatus", "Where a document stands on its way to being found.", {
  QUEUED: "It waits to be read.",
  INGESTING: "It is being read.",
  INGESTED: "Searches find it.",
  FAILED: "It can't be read; `failure` says why.",
});

const DocumentFailureCode = Enum("DocumentFailureCode", "Why a document can't be read.", {
  ...ParseFailures,
  GIVEN_UP: "Reading it broke off again and again, for no fault of the file's.",
});

const DocumentFormat = Enum("DocumentFormat", "What a file is, by its content.", {
  PDF: "Portable Document Format.",
  DOCX: "A text document of a word processor.",
  PPTX: "A presentation.",
  XLSX: "A workbook.",
  CSV: "Rows of separated values.",
  HTML: "A web page.",
  MARKDOWN: "Text with Markdown's marks.",
  TXT: "Plain text.",
  RTF: "Rich Text Format.",
  EML: "An e-mail message.",
  JSON: "JSON, or JSON Lines.",
});

@ObjectType("DocumentFailure", { description: "Why a document can't be read." })
class DocumentFailure {
  @Field(() => DocumentFailureCode, { description: "For programs: what is wrong." })
  code!: keyof typeof DocumentFailureCode;

  @Field(() => String, { description: "For people: what is wrong, and what to do." })
  message!: string;
}

@ObjectType("DocumentFile", { description: "The file that a document was made of." })
class DocumentFile {
  @Field(() => String, { description: "Where it can be downloaded, without further ado, until `expiresAt`." })
  url!: string;

  @Field(() => DateTime, { description: "When the address stops working." })
  expiresAt!: Date;
}

@ObjectType("Passage", { description: "A piece of a document that is found and cited by itself." })
export class Passage {
  @Field(() => ID, { description: "Opaque; begins with psg_." })
  id!: string;

  @Field(() => Int, { description: "Its place in the document, from 0." })
  ordinal!: number;

  @Field(() => String, { description: "The document's text from `start` to `end`." })
  text!: string;

  @Field(() => Int, { description: "Where it begins in the document's text, in UTF-16 code units." })
  start!: number;

  @Field(() => Int, { description: "Where it ends in the document's text, in UTF-16 code units." })
  end!: number;

  @Field(() => Int, { description: "About how many tokens a language model counts in it." })
  tokenCount!: number;

  @Field(() => String, { nullable: true, description: "The worksheet it stands on; null outside of workbooks." })
  sheet!: string | null;

  @Field(() => [String], { description: "The headings above it, outermost first." })
  headingPath!: string[];
}

const PassageConnection = Connection("Passage", () => Passage);
const readingOrder = orderBy("passages", z.number().int(), ({ ordinal }: { ordinal: number }) => ordinal);

@ObjectType("Document", { description: "A file of a knowledge base." })
@Directive('@key(fields: "id")')
export class Document {
  @Field(() => ID, { description: "Opaque; begins with doc_." })
  id!: string;

  @Field(() => String, { description: "What it is called: as somebody named it, as it calls itself, or as its file." })
  title!: string;

  @Field(() => String, { description: "The file's name as it was uploaded." })
  filename!: string;

  @Field(() => String, { description: "The content type that was announced." })
  contentType!: string;

  @Field(() => Float, { description: "The file's size." })
  sizeBytes!: number;

  @Field(() => String, { description: "The file's SHA-256, in hexadecimal." })
  sha256!: string;

  @Field(() => DocumentFormat, { nullable: true, description: "What the file is." })
  format!: keyof typeof DocumentFormat | null;

  @Field(() => Int, { nullable: true, description: "Pages, slides or worksheets; null where there are none." })
  pageCount!: number | null;

  @Field(() => JSONValue, { description: "Whatever was noted about it, as one object; searches filter by it." })
  metadata!: Record<string, MetadataValue>;

  @Field(() => Boolean, { description: "Whether searches find it." })
  enabled!: boolean;

  @Field(() => DateTime, { description: "When it was added." })
  createdAt!: Date;

  @Field(() => DateTime, { description: "When it last changed." })
  updatedAt!: Date;
}

export const DocumentConnection = Connection("Document", () => Document);
export const documentOrder = orderBy("documents", z.string(), ({ id }: { id: string }) => id);

@ObjectType("IngestionProgress", { description: "How far a knowledge base's documents are." })
class IngestionProgress {
  @Field(() => IngestionCounts, { description: "How many are at which point." })
  counts!: IngestionCounts;
}

@InputType("DocumentFilterInput", { description: "Which documents to list." })
class DocumentFilterInput {
  @Field(() => ID, { nullable: true, description: "Those of one knowledge base." })
  knowledgeBaseId?: string | null;

  @Field(() => DocumentStatus, { nullable: true, description: "Those that stand there." })
  status?: keyof typeof DocumentStatus | null;

  @Field(() => Boolean, { nullable: true, description: "Those that are, or aren't, to be found." })
  enabled?: boolean | null;
}

@InputType("AddDocumentsInput", { description: "Uploaded files to make documents of." })
class AddDocumentsInput {
  @Field(() => ID, { description: "The knowledge base they go to." })
  knowledgeBaseId!: string;

  @Field(() => [ID], { description: "The uploads, 100 at the most; their files have to be there." })
  uploadIds!: string[];
}

@InputType("UpdateDocumentInput", { description: "What to change of a document; what is absent stays." })
class UpdateDocumentInput {
  @Field(() => ID, { description: "Which document." })
  documentId!: string;

  @Field(() => String, { nullable: true, description: "Its new title, up to 300 characters." })
  title?: string | null;

  @Field(() => JSONValue, {
    nullable: true,
    description: "What to note about it: an object of texts, numbers, booleans, or lists of them; 8 KB at the most.",
  })
  metadata?: unknown;

  @Field(() => Boolean, { nullable: true, description: "Whether searches find it." })
  enabled?: boolean | null;
}

@InputType("ReindexDocumentInput", { description: "A document to read again." })
class ReindexDocumentInput {
  @Field(() => ID, { description: "Which document." })
  documentId!: string;
}

@InputType("DeleteDocumentInput", { description: "A document to delete." })
class DeleteDocumentInput {
  @Field(() => ID, { description: "Which document." })
  documentId!: string;
}

const AddDocumentsPayload = Payload(
  "addDocuments",
  { documents: { type: () => [Document], description: "The new documents, in the order of the uploads." } },
  AddDocumentsRefusal,
);
const UpdateDocumentPayload = Payload("updateDocument", {
  document: { type: () => Document, description: "The document as it now is." },
});
const ReindexDocumentPayload = Payload(
  "reindexDocument",
  { document: { type: () => Document, description: "The document, waiting to be read." } },
  ReindexDocumentRefusal,
);
const DeleteDocumentPayload = Payload("deleteDocument", {
  deletedDocumentId: { type: () => ID, description: "What was deleted." },
});

@Resolver(() => Passage)
export class PassageResolver {
  @FieldResolver(() => Int, { nullable: true, description: "The page or slide it begins on, from 1." })
  page(@Root() { firstPage }: PassageRow) {
    return firstPage;
  }

  @FieldResolver(() => Int, { nullable: true, description: "The page or slide it ends on, from 1." })
  lastPage(@Root() { lastPage }: PassageRow) {
    return lastPage;
  }

  @FieldResolver(() => Document, { nullable: true, description: "The document it is a piece of." })
  document(@Root() { documentId }: PassageRow, @Ctx() { loaders }: RequestContext) {
    return loaders.document.load(documentId);
  }
}

@Resolver(() => IngestionProgress)
export class IngestionProgressResolver {
  @FieldResolver(() => Document, {
    nullable: true,
    description:
      "The document that has just changed; null at the beginning, once it was deleted, and where many have changed.",
  })
  document(@Root() { documentId }: { documentId: string | null }, @Ctx() { loaders }: RequestContext) {
    return documentId && loaders.document.load(documentId);
  }

  @Subscription(() => IngestionProgress, {
    nullable: true,
    description:
      "How far a knowledge base's documents are: at once, and whenever one of them changes; changes that follow each other within a moment may come as one.",
    subscribe: ({ args, context }) =>
      watchIngestion(context as RequestContext, requireId("kb", args.knowledgeBaseId as string, "knowledgeBaseId")),
  })
  async ingestionProgress(
    @Root() { documentId }: { documentId: string | null },
    @Arg("knowledgeBaseId", () => ID, { description: "Which knowledge base." }) knowledgeBaseId: string,
    @Ctx() ctx: RequestContext,
  ) {
    return { documentId, counts: await ingestionCounts(ctx, knowledgeBaseId) };
  }
}

@Resolver(() => Document)
export class DocumentResolver {
  @Query(() => DocumentConnection, { description: "The documents of the caller's workspace, newest first." })
  documents(
    @Args(() => PageArguments) page: PageArguments,
    @Arg("filter", () => DocumentFilterInput, { nullable: true, description: "Which ones; all unless said otherwise." })
    filter: DocumentFilterInput | null | undefined,
    @Ctx() ctx: RequestContext,
  ) {
    const { knowledgeBaseId, status, enabled } = filter ?? {};
    if (knowledgeBaseId) requireId("kb", knowledgeBaseId, "filter.knowledgeBaseId");
    return paginate(page, documentOrder, (keyset) =>
      documents(ctx, { knowledgeBaseId, state: status, enabled }, keyset),
    );
  }

  @Query(() => Document, { nullable: true, description: "One document of the caller's workspace." })
  document(@Arg("id", () => ID, { description: "Which document." }) id: string, @Ctx() ctx: RequestContext) {
    return document(ctx, requireId("doc", id, "id"));
  }

  @FieldResolver(() => KnowledgeBase, { nullable: true, description: "The knowledge base it belongs to." })
  knowledgeBase(@Root() { knowledgeBaseId }: DocumentRow, @Ctx() { loaders }: RequestContext) {
    return loaders.knowledgeBase.load(knowledgeBaseId);
  }

  @FieldResolver(() => DocumentStatus, { description: "Where it stands on its way to being found." })
  status(@Root() { ingestion }: DocumentRow) {
    return ingestion.state;
  }

  @FieldResolver(() => Int, { description: "How many passages it has by now." })
  passageCount(@Root() { ingestion }: DocumentRow) {
    return "passageCount" in ingestion ? ingestion.passageCount : 0;
  }

  @FieldResolver(() => DateTime, {
    nullable: true,
    description: "Since when it is found as it is found now; null until then.",
  })
  ingestedAt(@Root() { found }: DocumentRow) {
    return found?.since ?? null;
  }

  @FieldResolver(() => DocumentFailure, { nullable: true, description: "Why it can't be read; null where it can." })
  failure(@Root() { ingestion }: DocumentRow) {
    return ingestion.state === "FAILED" ? ingestion : null;
  }

  @FieldResolver(() => PassageConnection, { nullable: true, description: "Its passages in reading order." })
  passages(@Root() { id }: DocumentRow, @Args(() => PageArguments) page: PageArguments, @Ctx() ctx: RequestContext) {
    return paginate(page, readingOrder, (keyset) => passagesOf(ctx, id, keyset));
  }

  @FieldResolver(() => DocumentFile, { nullable: true, description: "The file it was made of." })
  file(@Root() root: DocumentRow, @Ctx() ctx: RequestContext) {
    return fileLink(ctx, root);
  }

  @FieldResolver(() => User, { nullable: true, description: "Who added it." })
  createdBy(@Root() { createdById }: DocumentRow) {
    return createdById?.startsWith("usr_") ? { id: createdById } : null;
  }

  @FieldResolver(() => Boolean, { description: "Whether the caller may change it." })
  viewerCanUpdate(@Ctx() { actor }: RequestContext) {
    return mayWrite(actor);
  }

  @FieldResolver(() => Boolean, { description: "Whether the caller may delete it." })
  viewerCanDelete(@Ctx() { actor }: RequestContext) {
    return mayErase(actor);
  }

  @Mutation(() => AddDocumentsPayload, {
    description: "Makes documents of uploaded files: of all, or of none. Follow them with ingestionProgress.",
  })
  async addDocuments(@Arg("input", () => AddDocumentsInput) input: AddDocumentsInput, @Ctx() ctx: RequestContext) {
    const knowledgeBaseId = requireId("kb", input.knowledgeBaseId, "input.knowledgeBaseId");
    const uploadIds = requireIds("upl", input.uploadIds, "input.uploadIds", { countMax: 100 });
    if (uploadIds.length === 0) throw badInput("input.uploadIds", "input.uploadIds names no upload.");
    return toPayload(AddDocumentsPayload, await addDocuments(ctx, { knowledgeBaseId, uploadIds }));
  }

  @Mutation(() => UpdateDocumentPayload, {
    description: "Changes a document's title, metadata, or whether it is found.",
  })
  async updateDocument(
    @Arg("input", () => UpdateDocumentInput) input: UpdateDocumentInput,
    @Ctx() ctx: RequestContext,
  ) {
    const documentId = requireId("doc", input.documentId, "input.documentId");
    const title = optionalText(input.title, "input.title", { lengthMax: 300 });
    const fields = {
      ...(title !== null && { title }),
      ...(input.metadata != null && { metadata: requireMetadata(input.metadata) }),
      ...(input.enabled != null && { enabled: input.enabled }),
    };
    if (Object.keys(fields).length === 0)
      throw badInput("input", "input names nothing to change: give a title, metadata, or enabled.");
    return toPayload(UpdateDocumentPayload, ok(await updateDocument(ctx, { documentId, ...fields })));
  }

  @Mutation(() => ReindexDocumentPayload, {
    description: "Reads a document's file again, with the splitting of its knowledge base as it is now.",
  })
  async reindexDocument(
    @Arg("input", () => ReindexDocumentInput) input: ReindexDocumentInput,
    @Ctx() ctx: RequestContext,
  ) {
    const documentId = requireId("doc", input.documentId, "input.documentId");
    return toPayload(ReindexDocumentPayload, await reindexDocument(ctx, { documentId }));
  }

  @Mutation(() => DeleteDocumentPayload, {
    description: "Deletes a document, its passages and its file. Searches find it no more from then on.",
  })
  async deleteDocument(
    @Arg("input", () => DeleteDocumentInput) input: DeleteDocumentInput,
    @Ctx() ctx: RequestContext,
  ) {
    const documentId = requireId("doc", input.documentId, "input.documentId");
    return toPayload(DeleteDocumentPayload, ok(await deleteDocument(ctx, { documentId })));
  }
}

// What a jsonb column can hold.
const text = z.string().regex(/^[^\0\p{Surrogate}]*$/u);
const scalar = z.union([text.max(1_000), z.number(), z.boolean()]);
const metadataForm = z.record(text.min(1).max(100), z.union([scalar, z.null(), z.array(scalar).max(100)]));
const metadataLengthMax = 8 * 1024;

function requireMetadata(given: unknown): Record<string, MetadataValue> {
  const parsed = metadataForm.safeParse(given);
  if (!parsed.success) {
    const { code, path } = parsed.error.issues[0]!;
    const field = ["input.metadata", ...(code === "invalid_key" ? [] : path)].join(".");
    throw badInput(
      field,
      field === "input.metadata"
        ? `${field} must be an object; its keys are texts of 1 to 100 characters.`
        : `${field} must be a text of at most 1,000 characters, a number, a boolean, or a list of them.`,
    );
  }
  if (JSON.stringify(parsed.data).length > metadataLengthMax)
    throw badInput("input.metadata", `input.metadata takes at most ${metadataLengthMax} characters.`);
  return parsed.data;
}
