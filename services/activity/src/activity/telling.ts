import * as events from "@atrium/events";
import type { Envelope, EventDefinition } from "@atrium/events";
import type { z } from "zod";
import { subjectTypeOf, type Activity, type ActivityKind } from "./activity";

interface Told {
  kind: ActivityKind;
  personId?: string | null;
  /** Where that isn't the event's subject. */
  subjectId?: string;
  actorId?: string | null;
}

const rules = new Map<string, (data: unknown) => Told | null>();

function tells<Shape extends z.ZodRawShape>(
  definition: EventDefinition<Shape>,
  line: ActivityKind | ((data: z.output<z.ZodObject<Shape>>) => Told | null),
): void {
  rules.set(definition.type, (data) => {
    const read = definition.read(data);
    return typeof line === "string" ? { kind: line } : line(read);
  });
}

tells(events.documentUploaded, "DOCUMENT_ADDED");
tells(events.documentIngested, "DOCUMENT_INGESTED");
tells(events.documentFailed, "DOCUMENT_FAILED");
tells(events.documentDeleted, "DOCUMENT_DELETED");
tells(events.knowledgeBaseCreated, "KNOWLEDGE_BASE_CREATED");
tells(events.knowledgeBaseUpdated, "KNOWLEDGE_BASE_UPDATED");
tells(events.knowledgeBaseDeleted, "KNOWLEDGE_BASE_DELETED");
tells(events.conversationStarted, ({ participantId }) => ({ kind: "CONVERSATION_STARTED", personId: participantId }));
tells(events.conversationClosed, ({ participantId }) => ({ kind: "CONVERSATION_CLOSED", personId: participantId }));
tells(events.projectCreated, "PROJECT_CREATED");
tells(events.projectUpdated, "PROJECT_UPDATED");
tells(events.projectArchived, "PROJECT_ARCHIVED");
tells(events.projectDeleted, "PROJECT_DELETED");
tells(events.workspaceCreated, "WORKSPACE_CREATED");
tells(events.workspaceUpdated, "WORKSPACE_UPDATED");
tells(events.organizationCreated, "ORGANIZATION_CREATED");
tells(events.organizationUpdated, "ORGANIZATION_UPDATED");
tells(events.membershipGranted, ({ userId, workspaceId }) => ({
  kind: workspaceId ? "WORKSPACE_MEMBER_JOINED" : "ORGANIZATION_MEMBER_JOINED",
  personId: userId,
}));
tells(events.membershipChanged, ({ userId, workspaceId }) => ({
  kind: workspaceId ? "WORKSPACE_MEMBER_CHANGED" : "ORGANIZATION_MEMBER_CHANGED",
  personId: userId,
}));
tells(events.membershipRevoked, ({ userId, workspaceId }) => ({
  kind: workspaceId ? "WORKSPACE_MEMBER_LEFT" : "ORGANIZATION_MEMBER_LEFT",
  personId: userId,
}));
tells(events.invitationSent, "INVITATION_SENT");
tells(events.invitationAccepted, ({ userId }) => ({ kind: "INVITATION_ACCEPTED", personId: userId }));
tells(events.invitationDeclined, "INVITATION_DECLINED");
tells(events.invitationRevoked, "INVITATION_REVOKED");
tells(events.invitationExpired, "INVITATION_EXPIRED");

/** A line of a person's own account. Its subject is the person; what failed wasn't done by them. */
const account =
  (kind: ActivityKind, { byOthers = false } = {}) =>
  ({ userId }: { userId: string | null }): Told | null =>
    userId === null ? null : { kind, personId: userId, subjectId: userId, ...(byOthers && { actorId: null }) };

tells(events.userRegistered, account("ACCOUNT_CREATED"));
tells(events.userSignedIn, account("ACCOUNT_SIGNED_IN"));
tells(events.userSignInRefused, account("ACCOUNT_SIGN_IN_REFUSED", { byOthers: true }));
tells(events.userSignedOut, account("ACCOUNT_SIGNED_OUT"));
tells(events.sessionRevoked, account("ACCOUNT_SESSION_REVOKED"));
tells(events.passwordChanged, account("ACCOUNT_PASSWORD_CHANGED"));
tells(events.apiKeyCreated, account("ACCOUNT_API_KEY_CREATED"));
tells(events.apiKeyRevoked, account("ACCOUNT_API_KEY_REVOKED"));
tells(events.consentGiven, account("ACCOUNT_CONSENT_GIVEN"));
tells(events.consentWithdrawn, account("ACCOUNT_CONSENT_WITHDRAWN"));
tells(events.exportRequested, account("ACCOUNT_EXPORT_REQUESTED"));
tells(events.exportCompleted, account("ACCOUNT_EXPORT_COMPLETED"));
tells(events.erasureScheduled, account("ACCOUNT_ERASURE_SCHEDULED"));
tells(events.erasureCancelled, account("ACCOUNT_ERASURE_CANCELLED"));

/** The line that the event makes; null for one that makes none. Throws for data that doesn't fit. */
export function lineOf(envelope: Envelope): Activity | null {
  const told = rules.get(envelope.type)?.(envelope.data);
  if (!told) return null;
  const subjectType = subjectTypeOf(told.kind);
  const isAccount = subjectType === "ACCOUNT";
  // Who acts on an account is its person, where nobody else is named.
  const actorId = told.actorId === undefined ? (envelope.actorid ?? (isAccount ? told.personId : null)) : told.actorId;
  return {
    id: envelope.id,
    // An account is the person's, wherever they stood.
    organizationId: isAccount ? null : (envelope.organizationid ?? null),
    workspaceId: isAccount ? null : (envelope.workspaceid ?? null),
    kind: told.kind,
    subjectType,
    subjectId: told.subjectId ?? envelope.subject,
    actorId: actorId ?? null,
    personId: told.personId ?? null,
    happenedAt: new Date(envelope.time),
  };
}
