/** The purpose whose consent lets what a person does in the user interface be kept. */
export const analyticsPurpose = "analytics";

/** What privacy has last said of a person in an organization. */
export interface Consent {
  given: boolean;
  purposeVersion: number;
}

/** Whether detail may be collected: the person agrees, to the version that has to be agreed to now. */
export const allowsDetail = (consent: Consent | null, versionNow: number): boolean =>
  consent !== null && consent.given && consent.purposeVersion >= versionNow;
