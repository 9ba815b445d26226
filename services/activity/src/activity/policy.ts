import { may, type Actor, type Permission } from "@atrium/access";
import type { SubjectType } from "./activity";

/**
 * The right that opens a subject, as its own service asks for it. None: whoever stands there opens it. `OWN`: the person
 * it is about alone.
 */
const opens: Record<SubjectType, Permission | null | "OWN"> = {
  DOCUMENT: "knowledge:read",
  KNOWLEDGE_BASE: "knowledge:read",
  CONVERSATION: "conversations:read",
  PROJECT: "projects:read",
  WORKSPACE: null,
  WORKSPACE_MEMBER: "workspace_members:read",
  ORGANIZATION: null,
  ORGANIZATION_MEMBER: "members:read",
  INVITATION: "members:invite",
  ACCOUNT: "OWN",
};

/** The subjects that the person whom they are about opens without any right. */
const ownOnes: readonly SubjectType[] = ["CONVERSATION", "WORKSPACE_MEMBER", "ORGANIZATION_MEMBER"];

export interface Visibility {
  /** Of these every line where the actor stands. */
  all: SubjectType[];
  /** Of these the lines about the actor itself. */
  own: SubjectType[];
}

export function visibleTo(actor: Actor): Visibility {
  const all = (Object.keys(opens) as SubjectType[]).filter((type) => {
    const right = opens[type];
    return right === null || (right !== "OWN" && may(actor, right));
  });
  return { all, own: ownOnes.filter((type) => !all.includes(type)) };
}

/** A person sees the lines of their own account; a key of theirs doesn't. */
export const maySeeAccount = (actor: Actor): boolean => actor.kind === "USER";
