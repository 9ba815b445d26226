import type { Erasure, ErasurePart } from "./erasure";

/** What was erased of a person, what stays and under which law: all that is ever said of it. */
export function certificateOf({ id, userId, requestedAt, dueAt, endedAt }: Erasure, parts: readonly ErasurePart[]) {
  return {
    erasureId: id,
    userId,
    requestedAt,
    dueAt,
    completedAt: endedAt,
    services: parts.map(({ service, status, answeredAt, nouns }) => ({ service, status, answeredAt, nouns })),
    missing: parts.filter(({ status }) => status !== "ERASED").map(({ service }) => service),
    remarks: [
      "Messages between the services, and jobs of theirs, have the person's id alone; they are kept for 14 days, those that failed for 30.",
      "What counts how often somebody may do something has their id, and is forgotten within a day.",
      "Back-ups are overwritten in turn; of exports, the key is gone, so that no copy of their files can be opened.",
    ],
  };
}
