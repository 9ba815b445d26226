import { nothingPersonal, type Held } from "@atrium/personal-data";
import { apiKeyData } from "./api-key/personal-data";
import { mailData } from "./mail/personal-data";
import { membershipData } from "./membership/personal-data";
import { sessionData } from "./session/personal-data";
import { userData } from "./user/personal-data";

/** What this service holds of people, by noun, in the order in which it is erased. */
export const held: Held = {
  session: sessionData,
  "api-key": apiKeyData,
  membership: membershipData,
  mail: mailData,
  user: userData,
  "signing-key": nothingPersonal("The installation's own keys."),
  viewer: nothingPersonal("A view of the caller; stores nothing."),
};
