import { ok, refuse, type Result } from "@atrium/errors";

/** A piece of work in a workspace that records, purchases and budgets refer to. */
export interface Project {
  id: string;
  organizationId: string;
  workspaceId: string;
  name: string;
  description: string;
  createdById: string;
  createdAt: Date;
  updatedAt: Date;
  /** When it was archived; null while it is active. */
  archivedAt: Date | null;
}

export const UpdateProjectRefusal = {
  ARCHIVED: "An archived project doesn't change.",
} as const;
export type UpdateProjectRefusal = keyof typeof UpdateProjectRefusal;

/** Decides the project with the fields that were given. */
export function change(
  project: Project,
  fields: { name?: string; description?: string },
  now: Date,
): Result<Project, UpdateProjectRefusal> {
  if (project.archivedAt) return refuse("ARCHIVED");
  const { name = project.name, description = project.description } = fields;
  return ok({ ...project, name, description, updatedAt: now });
}

export const ArchiveProjectRefusal = {
  ALREADY_ARCHIVED: "This project is archived already.",
} as const;
export type ArchiveProjectRefusal = keyof typeof ArchiveProjectRefusal;

/** Decides the archived project. */
export function archive(project: Project, now: Date): Result<Project, ArchiveProjectRefusal> {
  return project.archivedAt ? refuse("ALREADY_ARCHIVED") : ok({ ...project, archivedAt: now, updatedAt: now });
}
