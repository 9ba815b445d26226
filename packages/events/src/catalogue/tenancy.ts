import { z } from "zod";
import { defineEvent } from "../define";
import { personalDataErasedOf, personalDataExportedOf, sensitiveReadOf } from "../of-each-service";

// What tenancy announces. The organization, and where there is one the workspace, is in the envelope.

export const organizationCreated = defineEvent("tenancy.organization.created.v1", {
  subject: "organizationId",
  data: { organizationId: z.string(), ownerId: z.string() },
});

export const organizationUpdated = defineEvent("tenancy.organization.updated.v1", {
  subject: "organizationId",
  data: { organizationId: z.string(), changedFields: z.array(z.string()) },
});

/** The organization is closed and will be erased on `erasedAt`, unless it is restored before. */
export const organizationDeleted = defineEvent("tenancy.organization.deleted.v1", {
  subject: "organizationId",
  data: { organizationId: z.string(), erasedAt: z.iso.datetime() },
});

export const organizationRestored = defineEvent("tenancy.organization.restored.v1", {
  subject: "organizationId",
  data: { organizationId: z.string() },
});

export const workspaceCreated = defineEvent("tenancy.workspace.created.v1", {
  subject: "workspaceId",
  data: { workspaceId: z.string() },
});

export const workspaceUpdated = defineEvent("tenancy.workspace.updated.v1", {
  subject: "workspaceId",
  data: { workspaceId: z.string(), changedFields: z.array(z.string()) },
});

/** The workspace is gone; every service deletes what it keeps for it. */
export const workspaceDeleted = defineEvent("tenancy.workspace.deleted.v1", {
  subject: "workspaceId",
  data: { workspaceId: z.string() },
});

const membership = {
  /** Of a membership in the organization (`mem_…`), or in one of its workspaces (`wmem_…`). */
  membershipId: z.string(),
  userId: z.string(),
  /** Null for the organization itself. */
  workspaceId: z.string().nullable(),
};

export const membershipGranted = defineEvent("tenancy.membership.granted.v1", {
  subject: "membershipId",
  data: { ...membership, role: z.string() },
});

export const membershipChanged = defineEvent("tenancy.membership.changed.v1", {
  subject: "membershipId",
  data: { ...membership, role: z.string(), previousRole: z.string() },
});

export const membershipRevoked = defineEvent("tenancy.membership.revoked.v1", {
  subject: "membershipId",
  data: membership,
});

const invitation = { invitationId: z.string() };

export const invitationSent = defineEvent("tenancy.invitation.sent.v1", {
  subject: "invitationId",
  data: { ...invitation, organizationRole: z.string(), expiresAt: z.iso.datetime() },
});

export const invitationAccepted = defineEvent("tenancy.invitation.accepted.v1", {
  subject: "invitationId",
  data: { ...invitation, userId: z.string(), membershipId: z.string() },
});

export const invitationDeclined = defineEvent("tenancy.invitation.declined.v1", {
  subject: "invitationId",
  data: invitation,
});

export const invitationRevoked = defineEvent("tenancy.invitation.revoked.v1", {
  subject: "invitationId",
  data: invitation,
});

export const invitationExpired = defineEvent("tenancy.invitation.expired.v1", {
  subject: "invitationId",
  data: invitation,
});

export const projectCreated = defineEvent("tenancy.project.created.v1", {
  subject: "projectId",
  data: { projectId: z.string() },
});

export const projectUpdated = defineEvent("tenancy.project.updated.v1", {
  subject: "projectId",
  data: { projectId: z.string(), changedFields: z.array(z.string()) },
});

export const projectArchived = defineEvent("tenancy.project.archived.v1", {
  subject: "projectId",
  data: { projectId: z.string() },
});

export const projectDeleted = defineEvent("tenancy.project.deleted.v1", {
  subject: "projectId",
  data: { projectId: z.string() },
});

export const tenancySensitiveRead = sensitiveReadOf("tenancy");
export const tenancyPersonalDataExported = personalDataExportedOf("tenancy");
export const tenancyPersonalDataErased = personalDataErasedOf("tenancy");
