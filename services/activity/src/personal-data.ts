import { nothingPersonal, type Held } from "@atrium/personal-data";
import { activityData } from "./activity/personal-data";
import { consentData } from "./consent/personal-data";
import { interactionData } from "./interaction/personal-data";
import { presenceData } from "./presence/personal-data";

/** What this service holds of people, by noun, in the order in which it is erased. */
export const held: Held = {
  interaction: interactionData,
  consent: consentData,
  presence: presenceData,
  activity: activityData,
  metric: nothingPersonal("Sums, of which nobody is a part that could be told."),
  rating: nothingPersonal("The last rating of each answer, and not whose it is."),
  document: nothingPersonal("When something last happened to a document, and not by whom."),
  dashboard: nothingPersonal("Sums, read when they are asked for."),
  recording: nothingPersonal("Makes what the other nouns keep; remembers workspaces that are gone."),
  calendar: nothingPersonal("The days of time zones."),
};
