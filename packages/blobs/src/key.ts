// Letters, digits and three marks, not beginning with a dot: no segment can be `.`, `..`, a temporary file of ours, a
// drive, a wildcard, or different text on another file system. S3 takes the same keys.
const segmentForm = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$/;
const keyLengthMax = 900;

/** The segments of a key. Throws for anything that could mean a place outside the store. */
export function segmentsOf(key: string): string[] {
  const segments = key.split("/");
  if (key.length > keyLengthMax || !segments.every((segment) => segmentForm.test(segment)))
    throw new TypeError(
      `${JSON.stringify(key.slice(0, 100))} is no key of a blob: up to ${keyLengthMax} characters, in segments of ` +
        `letters, digits, "_", "-" and "." that are separated by "/" and don't begin with a dot.`,
    );
  return segments;
}
