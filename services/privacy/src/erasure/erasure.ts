import { createHash, randomBytes, randomInt } from "node:crypto";
import { ok, refuse, type Result } from "@atrium/errors";

/** The end of a person's account, and of what every service holds of them. */
export interface Erasure {
  id: string;
  userId: string;
  status: ErasureStatus;
  reason: string | null;
  requestedAt: Date;
  dueAt: Date;
  /** When it was cancelled, or done. */
  endedAt: Date | null;
}

export const erasureStatuses = {
  SCHEDULED: "It will be done when its time has come; until then it can be cancelled.",
  CANCELLED: "It was cancelled, and nothing was erased.",
  DUE: "The services are erasing.",
  COMPLETED: "It is done; the certificate says what was erased, what stays and why.",
} as const;
export type ErasureStatus = keyof typeof erasureStatuses;

/** What one service has to do, and what it has done. */
export interface ErasurePart {
  service: string;
  status: ErasurePartStatus;
  attempt: number;
  askedAt: Date | null;
  answeredAt: Date | null;
  nouns: ErasedNoun[];
}

export const erasurePartStatuses = {
  PLANNED: "Its turn hasn't come.",
  WAITING: "The service was asked and hasn't answered yet.",
  ERASED: "The service has erased what it doesn't have to keep.",
  MISSING: "The service didn't answer, however often it was asked. It will erase once it can.",
} as const;
export type ErasurePartStatus = keyof typeof erasurePartStatuses;

export interface ErasedNoun {
  noun: string;
  erased: number;
  retained: number;
  law: string | null;
}

/** Erased when all others have answered: they ask it for the person's addresses. */
export const lastService = "identity";

/** Which services are to be asked next, once nobody is waited for; none when it is done. */
export const nextServices = (parts: readonly ErasurePart[]): string[] => {
  if (parts.some(({ status }) => status === "WAITING")) return [];
  return parts.filter(({ status }) => status === "PLANNED").map(({ service }) => service);
};

export const RequestErasureCodeRefusal = {
  NO_ADDRESS: "No code can be sent: this account has no e-mail address. A guest is forgotten when their session ends.",
  ALREADY_SCHEDULED: "Your erasure is scheduled already.",
} as const;
export type RequestErasureCodeRefusal = keyof typeof RequestErasureCodeRefusal;

export const RequestErasureRefusal = {
  WRONG_CODE: "This isn't the code that was sent.",
  NO_CODE: "There is no code that could be used any more: ask for a new one.",
  ALREADY_SCHEDULED: RequestErasureCodeRefusal.ALREADY_SCHEDULED,
} as const;
export type RequestErasureRefusal = keyof typeof RequestErasureRefusal;

export const CancelErasureRefusal = {
  UNKNOWN_TOKEN: "Nothing is to be cancelled by this token.",
  TOO_LATE: "The erasure has begun.",
} as const;
export type CancelErasureRefusal = keyof typeof CancelErasureRefusal;

export const codeMinutes = 15;
export const codeTries = 5;

/** Six digits. */
export const newCode = (): string => String(randomInt(1_000_000)).padStart(6, "0");

export const newToken = (): string => randomBytes(32).toString("base64url");
/** As a token rests: it is random in all its bits. */
export const hashOfToken = (token: string): Buffer => createHash("sha256").update(token).digest();

/** Decides whether the erasure can still be stopped. Cancelling twice is cancelling once. */
export function cancel(erasure: Erasure, now: Date): Result<Erasure, CancelErasureRefusal> {
  if (erasure.status === "CANCELLED") return ok(erasure);
  if (erasure.status !== "SCHEDULED" || erasure.dueAt <= now) return refuse("TOO_LATE", { path: ["token"] });
  return ok({ ...erasure, status: "CANCELLED", endedAt: now });
}
