import {
  Args,
  Connection,
  Ctx,
  DateTime,
  Field,
  FieldResolver,
  ObjectType,
  orderBy,
  PageArguments,
  paginate,
  Query,
  Resolver,
  Root,
} from "@atrium/schema-kit";
import { z } from "zod";
import type { RequestContext } from "../context";
import { Document, KnowledgeBase } from "../references";
import { recentDocuments } from "./queries";

interface Row {
  documentId: string;
  knowledgeBaseId: string;
  eventId: string;
}

@ObjectType("RecentDocument", { description: "A document, and when something last happened to it." })
export class RecentDocument {
  @Field(() => DateTime, { description: "When it was added, became searchable, or couldn't be read." })
  changedAt!: Date;
}

const RecentDocumentConnection = Connection("RecentDocument", () => RecentDocument);
const newestFirst = orderBy("recentDocuments", z.uuid(), ({ eventId }: Row) => eventId);

@Resolver(() => RecentDocument)
export class RecentDocumentResolver {
  @Query(() => RecentDocumentConnection, {
    description: "The documents of the caller's workspace, the one that something last happened to first.",
  })
  recentDocuments(@Args(() => PageArguments) page: PageArguments, @Ctx() ctx: RequestContext) {
    return paginate(page, newestFirst, (keyset) => recentDocuments(ctx, keyset));
  }

  @FieldResolver(() => Document, { nullable: true, description: "The document." })
  document(@Root() { documentId }: Row) {
    return { id: documentId };
  }

  @FieldResolver(() => KnowledgeBase, { nullable: true, description: "The knowledge base that it belongs to." })
  knowledgeBase(@Root() { knowledgeBaseId }: Row) {
    return { id: knowledgeBaseId };
  }
}
