import { randomInt } from "node:crypto";

export interface User {
  id: string;
  kind: "USER" | "GUEST";
  name: string;
}

export const nameLengthMax = 200;

/** A guest has a name to be shown by, and nothing that says who they are. */
export const guestName = () => `guest-${String(randomInt(10_000)).padStart(4, "0")}`;

/**
 * One code for all of it: what the caller may learn is that this pair doesn't open, not which half of it is wrong.
 */
export const SignInRefusal = {
  INVALID_CREDENTIALS: "The e-mail address or the password is wrong.",
} as const;

export const SignUpRefusal = {
  EMAIL_TAKEN: "There is a user with this e-mail address. Sign in instead.",
} as const;

export const ChangePasswordRefusal = {
  WRONG_PASSWORD: "This is not the current password.",
  NO_PASSWORD: "This user doesn't sign in by password.",
} as const;
