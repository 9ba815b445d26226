import { orderBy, paginate, type PageArguments } from "@atrium/schema-kit";
import { z } from "zod";
import type { Context } from "../context";
import type { Session } from "./session";
import { findLiveSessionIds, findLivingSessions } from "./store";

const newestSessions = orderBy("sessions", z.string(), ({ id }: Session) => id);

/** The user's living sessions, newest first. */
export const livingSessions = ({ database, now }: Context, userId: string, page: PageArguments) =>
  paginate(page, newestSessions, (keyset) =>
    findLivingSessions(database.as({ userId }), userId, { ...keyset, now: now() }),
  );

/** Which of these sessions live. */
export const liveSessions = ({ database, now }: Pick<Context, "database" | "now">, sessionIds: readonly string[]) =>
  findLiveSessionIds(database.asService(), sessionIds, now());
