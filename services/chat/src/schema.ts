import { buildSubgraphSchema } from "@atrium/schema-kit";
import { ChatbotResolver, ChatbotSettingsResolver, ChatbotVersionResolver } from "./chatbot/graphql";
import { ChatbotDraftResolver } from "./chatbot-draft/graphql";
import type { RequestContext } from "./context";
import { ConversationEventResolver, ConversationResolver } from "./conversation/graphql";
import { MessageCitationResolver, MessageResolver, RouteResolver } from "./message/graphql";
import { UsageResolver } from "./usage/graphql";

export const schema = buildSubgraphSchema<RequestContext>({
  resolvers: [
    ChatbotDraftResolver,
    ChatbotResolver,
    ChatbotSettingsResolver,
    ChatbotVersionResolver,
    ConversationEventResolver,
    ConversationResolver,
    MessageCitationResolver,
    MessageResolver,
    RouteResolver,
    UsageResolver,
  ],
  references: {
    Chatbot: ({ loaders }) => loaders.chatbot,
    Conversation: ({ loaders }) => loaders.conversation,
  },
});
