import { isDefined } from "./define";

const nameOf = (type: string) => type.slice(0, type.lastIndexOf("."));

/**
 * Whether a service that handles `types` hears a type: those, and what it would have heard if it were newer. That is a
 * version that it doesn't know of something that it handles; it becomes a dead letter, to be retried after the upgrade.
 * A version that it knows and doesn't handle is none of its concern: while both are announced, it hears one.
 */
export function hearing(types: readonly string[] | "EVERY"): (type: string) => boolean {
  if (types === "EVERY") return () => true;
  const exact = new Set(types);
  const names = new Set(types.map(nameOf));
  return (type) => exact.has(type) || (names.has(nameOf(type)) && !isDefined(type));
}
