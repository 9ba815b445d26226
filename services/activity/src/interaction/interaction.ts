/** What somebody can do in the user interface, in coarse words. */
export const InteractionKind = {
  VIEW: "Something was looked at.",
  SEARCH: "Something was searched for.",
  CREATE: "Something was made.",
  EDIT: "Something was changed.",
  DELETE: "Something was deleted.",
  DOWNLOAD: "Something was downloaded.",
  SHARE: "Something was given to somebody else.",
  HELP: "Help was looked for.",
  OTHER: "Anything else.",
} as const;
export type InteractionKind = keyof typeof InteractionKind;

export interface Interaction {
  kind: InteractionKind;
  /** The part of the user interface, in the front end's words: `documents.list`. */
  target: string;
  at: Date;
  durationMs: number | null;
}

export const batchMax = 100;
export const targetForm = /^[a-z0-9][a-z0-9._:-]{0,99}$/;
export const pastMsMax = 24 * 3_600_000;
export const futureMsMax = 300_000;

/** How often each kind occurs: all that is kept of what nobody agreed to. */
export function countsOf(interactions: readonly Interaction[]): { kind: InteractionKind; count: number }[] {
  const counts = new Map<InteractionKind, number>();
  for (const { kind } of interactions) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([kind, count]) => ({ kind, count }));
}
