import { orderBy, paginate, type PageArguments } from "@atrium/schema-kit";
import { z } from "zod";
import type { Context } from "../context";
import type { ApiKey } from "./api-key";
import { findApiKeys } from "./store";

const newestApiKeys = orderBy("apiKeys", z.string(), ({ id }: ApiKey) => id);

/** The user's keys that were not revoked, newest first. */
export const apiKeysOf = ({ database }: Context, userId: string, page: PageArguments) =>
  paginate(page, newestApiKeys, (keyset) => findApiKeys(database.as({ userId }), userId, keyset));
