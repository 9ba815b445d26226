/** A company, or whoever shares one account: the root of everything a tenant owns. */
export interface Organization {
  id: string;
  name: string;
  createdAt: Date;
  updatedAt: Date;
}

/** What a person's first organization is called until they are renamed; says nothing of the person. */
export const firstOrganizationName = "My organization";
