import { requireSignedIn, type Actor, type SignedInActor } from "@atrium/access";
import { PublicError } from "@atrium/errors";

/** Somebody in a session of their own: a key hands out or erases nobody. */
export function requirePerson(actor: Actor): SignedInActor {
  const person = requireSignedIn(actor);
  if (person.kind === "API_KEY") throw new PublicError("FORBIDDEN", "This needs a signed-in person, not an API key.");
  return person;
}
