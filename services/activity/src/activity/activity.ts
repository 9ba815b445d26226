/** What a line is about. Who may see the line is who may open that. */
export const SubjectType = {
  DOCUMENT: "A document of a knowledge base.",
  KNOWLEDGE_BASE: "A knowledge base.",
  CONVERSATION: "A conversation with a bot.",
  PROJECT: "A project.",
  WORKSPACE: "A workspace.",
  WORKSPACE_MEMBER: "Somebody's place in a workspace.",
  ORGANIZATION: "An organization.",
  ORGANIZATION_MEMBER: "Somebody's membership in an organization.",
  INVITATION: "An invitation to an organization.",
  ACCOUNT: "A person's own account: only they see it.",
} as const;
export type SubjectType = keyof typeof SubjectType;

/** What may have happened. */
export const ActivityKind = {
  DOCUMENT_ADDED: "A document was added.",
  DOCUMENT_INGESTED: "A document can be searched.",
  DOCUMENT_FAILED: "A document couldn't be read.",
  DOCUMENT_DELETED: "A document was deleted.",
  KNOWLEDGE_BASE_CREATED: "A knowledge base was created.",
  KNOWLEDGE_BASE_UPDATED: "A knowledge base was changed.",
  KNOWLEDGE_BASE_DELETED: "A knowledge base was deleted.",
  CONVERSATION_STARTED: "A conversation began.",
  CONVERSATION_CLOSED: "A conversation was ended.",
  PROJECT_CREATED: "A project began.",
  PROJECT_UPDATED: "A project was changed.",
  PROJECT_ARCHIVED: "A project was archived.",
  PROJECT_DELETED: "A project was deleted.",
  WORKSPACE_CREATED: "A workspace was created.",
  WORKSPACE_UPDATED: "A workspace was changed.",
  WORKSPACE_MEMBER_JOINED: "Somebody got a place in a workspace.",
  WORKSPACE_MEMBER_CHANGED: "Somebody's role in a workspace changed.",
  WORKSPACE_MEMBER_LEFT: "Somebody lost their place in a workspace.",
  ORGANIZATION_CREATED: "An organization was created.",
  ORGANIZATION_UPDATED: "An organization was changed.",
  ORGANIZATION_MEMBER_JOINED: "Somebody joined an organization.",
  ORGANIZATION_MEMBER_CHANGED: "Somebody's role in an organization changed.",
  ORGANIZATION_MEMBER_LEFT: "Somebody left an organization.",
  INVITATION_SENT: "Somebody was invited.",
  INVITATION_ACCEPTED: "An invitation was accepted.",
  INVITATION_DECLINED: "An invitation was declined.",
  INVITATION_REVOKED: "An invitation was revoked.",
  INVITATION_EXPIRED: "An invitation expired.",
  ACCOUNT_CREATED: "The account was made.",
  ACCOUNT_SIGNED_IN: "Somebody signed in.",
  ACCOUNT_SIGN_IN_REFUSED: "A sign-in failed.",
  ACCOUNT_SIGNED_OUT: "Somebody signed out.",
  ACCOUNT_SESSION_REVOKED: "A session was ended.",
  ACCOUNT_PASSWORD_CHANGED: "The password was changed.",
  ACCOUNT_API_KEY_CREATED: "An API key was made.",
  ACCOUNT_API_KEY_REVOKED: "An API key was revoked.",
  ACCOUNT_CONSENT_GIVEN: "The person agreed to something.",
  ACCOUNT_CONSENT_WITHDRAWN: "The person doesn't agree to something, or no longer.",
  ACCOUNT_EXPORT_REQUESTED: "The person asked for their data.",
  ACCOUNT_EXPORT_COMPLETED: "The person's data can be fetched.",
  ACCOUNT_ERASURE_SCHEDULED: "The person will be erased.",
  ACCOUNT_ERASURE_CANCELLED: "The person won't be erased.",
} as const;
export type ActivityKind = keyof typeof ActivityKind;

/** One thing that happened, told by ids. */
export interface Activity {
  /** The event's id: unique, and in the order of time. */
  id: string;
  organizationId: string | null;
  workspaceId: string | null;
  kind: ActivityKind;
  subjectType: SubjectType;
  subjectId: string;
  /** Whose act it was; null where nobody's, or nobody's that is known any more. */
  actorId: string | null;
  /** Whom it is about: the member, who talks to the bot, whose account it is. */
  personId: string | null;
  happenedAt: Date;
}

/** The kinds of a subject type begin with its name. */
const byLength = (Object.keys(SubjectType) as SubjectType[]).sort((a, b) => b.length - a.length);
export const subjectTypeOf = (kind: ActivityKind): SubjectType =>
  byLength.find((type) => kind.startsWith(`${type}_`)) ?? "ACCOUNT";

/** The line, naming none of these people; null where it is of nobody else: a line of their account. */
export function withoutPeople(line: Activity, people: ReadonlySet<string>): Activity | null {
  const gone = (userId: string | null) => userId !== null && people.has(userId);
  if (line.subjectType === "ACCOUNT" && gone(line.personId)) return null;
  const keep = (userId: string | null) => (gone(userId) ? null : userId);
  return { ...line, actorId: keep(line.actorId), personId: keep(line.personId) };
}
