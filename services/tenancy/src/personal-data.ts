import { nothingPersonal, type Held } from "@atrium/personal-data";
import { invitationData } from "./invitation/personal-data";
import { membershipData } from "./membership/personal-data";
import { organizationData } from "./organization/personal-data";
import { projectData } from "./project/personal-data";

/** What this service holds of people, by noun, in the order in which it is erased. */
export const held: Held = {
  invitation: invitationData,
  project: projectData,
  organization: organizationData,
  membership: membershipData,
  workspace: nothingPersonal("A workspace is the organization's; who has a place in it is a membership."),
  role: nothingPersonal("The built-in roles."),
};
