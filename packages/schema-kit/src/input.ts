import { PublicError } from "@atrium/errors";
import { isId } from "@atrium/ids";

/** Input that has the wrong form. `field` is the dotted path from the root of the arguments: `input.name`. */
export const badInput = (field: string, message: string) => new PublicError("BAD_USER_INPUT", message, { field });

interface TextLimits {
  /** In characters, after trimming. 1 unless said otherwise: an empty text is refused. */
  lengthMin?: number;
  lengthMax: number;
  /** Lets line breaks and tabs through. */
  multiline?: boolean;
}

// C0, DEL and C1, the line separators, and the marks that reorder what a reader sees.
const controlCharacter = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;
const controlCharacterButBreaks = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

const loneSurrogate = /\p{Surrogate}/u;

/** The text, trimmed and in Unicode's composed form. Throws when it is too short, too long or holds control characters. */
export function requireText(text: string, field: string, { lengthMin = 1, lengthMax, multiline }: TextLimits): string {
  // Compared before anything else is done with it: the rest costs time in proportion to the length.
  if (text.length > lengthMax * 2) throw tooLong(field, lengthMax);
  if ((multiline ? controlCharacterButBreaks : controlCharacter).test(text))
    throw badInput(field, `${field} holds control characters.`);
  if (loneSurrogate.test(text)) throw badInput(field, `${field} is not well-formed Unicode.`);
  const trimmed = text.normalize("NFC").trim();
  if (trimmed.length > lengthMax) throw tooLong(field, lengthMax);
  if (trimmed.length < lengthMin)
    throw badInput(field, lengthMin === 1 ? `${field} is empty.` : `${field} needs at least ${lengthMin} characters.`);
  return trimmed;
}

/** As `requireText`; null for what is absent. */
export const optionalText = (text: string | null | undefined, field: string, limits: TextLimits): string | null =>
  text === null || text === undefined ? null : requireText(text, field, limits);

/** The id, when it has this prefix and an id's form. It may still name nothing. */
export function requireId(prefix: string, id: string, field: string): string {
  if (!isId(prefix, id))
    throw badInput(field, `${field} is not the id of such an object; it would begin with ${prefix}_.`);
  return id;
}

/** The ids without repetitions; each is checked, the fault names its place in the list. */
export function requireIds(prefix: string, ids: readonly string[], field: string, { countMax }: { countMax: number }) {
  if (ids.length > countMax) throw badInput(field, `${field} takes at most ${countMax} ids at once.`);
  return [...new Set(ids.map((id, index) => requireId(prefix, id, `${field}.${index}`)))];
}

/** The number, when it is whole and within the bounds. */
export function requireInteger(value: number, field: string, { min, max }: { min: number; max: number }): number {
  if (!Number.isSafeInteger(value) || value < min || value > max)
    throw badInput(field, `${field} must be a whole number from ${min} to ${max}.`);
  return value;
}

const tooLong = (field: string, lengthMax: number) =>
  badInput(field, `${field} takes at most ${lengthMax} characters.`);
