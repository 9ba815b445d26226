import {
  conversationClosed,
  conversationStarted,
  documentDeleted,
  documentFailed,
  documentIngested,
  documentUploaded,
  interactionsRecorded,
  invitationAccepted,
  invitationSent,
  membershipGranted,
  membershipRevoked,
  messageAnswered,
  messageReceived,
  messageRefused,
  projectCreated,
  tokensUsed,
  userSignedIn,
  type Envelope,
  type EventDefinition,
} from "@atrium/events";
import type { z } from "zod";
import type { Count, Metric } from "./metric";

/** A metric, how much is added to it, and what it is split by. */
type Tally = readonly [metric: Metric, value: number, objectId?: string, label?: string];

const rules = new Map<string, (data: unknown) => Tally[]>();

function counts<Shape extends z.ZodRawShape>(
  definition: EventDefinition<Shape>,
  tallies: (data: z.output<z.ZodObject<Shape>>) => Tally[],
): void {
  rules.set(definition.type, (data) => tallies(definition.read(data)));
}

counts(conversationStarted, ({ chatbotId, channel }) => [["CONVERSATIONS_STARTED", 1, chatbotId, channel]]);
counts(conversationClosed, ({ chatbotId }) => [["CONVERSATIONS_CLOSED", 1, chatbotId]]);
counts(messageReceived, ({ chatbotId }) => [["MESSAGES", 1, chatbotId]]);
counts(messageAnswered, ({ chatbotId, tier, latencyMs, costMicros }) => [
  ["ANSWERS", 1, chatbotId, String(tier)],
  ["ANSWER_MS", latencyMs, chatbotId, String(tier)],
  ["COST_MICROS", costMicros, chatbotId, String(tier)],
]);
counts(messageRefused, ({ chatbotId, reason }) => [["REFUSALS", 1, chatbotId, reason]]);
counts(tokensUsed, ({ chatbotId, model, inputTokens, outputTokens }) => [
  ["INPUT_TOKENS", inputTokens, chatbotId, model],
  ["OUTPUT_TOKENS", outputTokens, chatbotId, model],
]);
counts(documentUploaded, ({ knowledgeBaseId, sizeBytes }) => [
  ["DOCUMENTS_ADDED", 1, knowledgeBaseId],
  ["STORED_BYTES", sizeBytes, knowledgeBaseId],
]);
counts(documentIngested, ({ knowledgeBaseId, durationMs }) => [
  ["DOCUMENTS_INGESTED", 1, knowledgeBaseId],
  ["INGESTION_MS", durationMs, knowledgeBaseId],
]);
counts(documentFailed, ({ knowledgeBaseId, reason }) => [["DOCUMENTS_FAILED", 1, knowledgeBaseId, reason]]);
counts(documentDeleted, ({ knowledgeBaseId, sizeBytes }) => [
  ["DOCUMENTS_DELETED", 1, knowledgeBaseId],
  ["STORED_BYTES", -sizeBytes, knowledgeBaseId],
]);
counts(membershipGranted, ({ workspaceId }) => [[workspaceId ? "WORKSPACE_MEMBERS_JOINED" : "MEMBERS_JOINED", 1]]);
counts(membershipRevoked, ({ workspaceId }) => [[workspaceId ? "WORKSPACE_MEMBERS_LEFT" : "MEMBERS_LEFT", 1]]);
counts(invitationSent, () => [["INVITATIONS_SENT", 1]]);
counts(invitationAccepted, () => [["INVITATIONS_ACCEPTED", 1]]);
counts(projectCreated, () => [["PROJECTS_CREATED", 1]]);
counts(userSignedIn, ({ method }) => [["SIGN_INS", 1, "", method]]);
counts(interactionsRecorded, ({ counts: each }) => each.map(({ kind, count }) => ["INTERACTIONS", count, "", kind]));

// Words of others' events are short; one that isn't doesn't fill the table.
const labelLengthMax = 80;

/** What the event adds to the sums; nothing for one of another kind, or of no organization. Throws for bad data. */
export function countsOf({ type, organizationid, workspaceid = "", time, data }: Envelope): Count[] {
  const rule = rules.get(type);
  if (!rule || !organizationid) return [];
  return rule(data).map(([metric, value, objectId = "", label = ""]) => ({
    organizationId: organizationid,
    workspaceId: workspaceid,
    at: new Date(time),
    metric,
    objectId,
    label: label.slice(0, labelLengthMax),
    value,
  }));
}
