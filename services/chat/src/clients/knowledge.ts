import { systemActor } from "@atrium/access";
import { PublicError } from "@atrium/errors";
import type { Platform } from "@atrium/subgraph";
import type { ExecutionResult } from "graphql";
import { z } from "zod";
import type { MessageSentence } from "../message/message";

/** What the documents say to a question. */
export interface KnowledgeAnswer {
  answered: boolean;
  /** From 0 to 1. */
  confidence: number;
  sentences: MessageSentence[];
}

export type AskKnowledge = (knowledgeBaseIds: readonly string[], question: string) => Promise<KnowledgeAnswer>;

/** In whose workspace knowledge looks. */
export interface Workspace {
  organizationId: string;
  workspaceId: string;
}

export interface Knowledge {
  /** Asks in the workspace's name. Rejects when knowledge doesn't answer, and for a base that the workspace lacks. */
  ask(workspace: Workspace): AskKnowledge;
  /** Those of the knowledge bases that the workspace has. */
  existing(workspace: Workspace, ids: readonly string[]): Promise<string[]>;
}

const answerQuery = `query ($knowledgeBaseIds: [ID!]!, $question: String!) {
  answerFromKnowledge(knowledgeBaseIds: $knowledgeBaseIds, question: $question) {
    answered confidence
    sentences { text citations { document { id title } passageId page headingPath start end quote } }
  }
}`;

const citation = z
  .object({
    // Null when it was deleted while the answer was on its way.
    document: z.object({ id: z.string(), title: z.string() }).nullable(),
    passageId: z.string(),
    page: z.number().int().nullable(),
    headingPath: z.array(z.string()),
    start: z.number().int(),
    end: z.number().int(),
    quote: z.string(),
  })
  .transform(({ document, ...rest }) =>
    document ? [{ documentId: document.id, documentTitle: document.title, ...rest }] : [],
  );

const answerData = z.object({
  answerFromKnowledge: z.object({
    answered: z.boolean(),
    confidence: z.number(),
    sentences: z.array(z.object({ text: z.string(), citations: z.array(citation).transform((each) => each.flat()) })),
  }),
});

const existingQuery = `query ($representations: [_Any!]!) {
  _entities(representations: $representations) { ... on KnowledgeBase { id } }
}`;
const existingData = z.object({ _entities: z.array(z.object({ id: z.string() }).nullable()) });

const questionLengthMax = 2_000;

/** Knowledge takes shorter questions than a bot takes messages, and the question tends to stand at the end. */
const lastPart = (text: string): string => text.slice(-questionLengthMax).replace(/^[\udc00-\udfff]/, "");

export function knowledgeOf({ call }: Pick<Platform, "call">): Knowledge {
  async function query<Data>(workspace: Workspace, text: string, variables: object, data: z.ZodType<Data>) {
    const result = await call("knowledge", {
      query: text,
      variables: { ...variables },
      // The bot answers in its own name: whoever talks to it has no rights on the documents.
      actor: systemActor("chat", workspace),
      requestId: "chat",
    });
    return data.parse(dataOf(result));
  }

  return {
    ask: (workspace) => async (knowledgeBaseIds, question) => {
      const variables = { knowledgeBaseIds: [...knowledgeBaseIds], question: lastPart(question) };
      return (await query(workspace, answerQuery, variables, answerData)).answerFromKnowledge;
    },
    async existing(workspace, ids) {
      const representations = ids.map((id) => ({ __typename: "KnowledgeBase", id }));
      const { _entities } = await query(workspace, existingQuery, { representations }, existingData);
      return _entities.filter((entity) => entity !== null).map(({ id }) => id);
    },
  };
}

function dataOf({ data, errors }: ExecutionResult): unknown {
  const [error] = errors ?? [];
  if (error?.extensions.code === "SERVICE_UNAVAILABLE")
    throw new PublicError("SERVICE_UNAVAILABLE", "The documents can't be asked at the moment; try again later.");
  if (error) throw new Error(`Knowledge answered ${String(error.extensions.code)}: ${error.message}`);
  return data;
}
