/** A mail to a user, at the address that they sign in with. */
export interface Mail {
  id: string;
  userId: string;
  recipient: string;
  subject: string;
  text: string;
  createdAt: Date;
}

/** As long as a mail is kept in the outbox. */
export const keepMailMs = 7 * 24 * 3600_000;
