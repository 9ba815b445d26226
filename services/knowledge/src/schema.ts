import { buildSubgraphSchema } from "@atrium/schema-kit";
import type { RequestContext } from "./context";
import { DocumentResolver, IngestionProgressResolver, PassageResolver } from "./document/graphql";
import { KnowledgeBaseResolver } from "./knowledge-base/graphql";
import { CitationResolver, SearchHitResolver, SearchResolver } from "./search/graphql";
import { UploadResolver } from "./upload/graphql";

export const schema = buildSubgraphSchema<RequestContext>({
  resolvers: [
    CitationResolver,
    DocumentResolver,
    IngestionProgressResolver,
    KnowledgeBaseResolver,
    PassageResolver,
    SearchHitResolver,
    SearchResolver,
    UploadResolver,
  ],
  references: {
    Document: ({ loaders }) => loaders.document,
    KnowledgeBase: ({ loaders }) => loaders.knowledgeBase,
  },
});
