import DataLoader from "dataloader";
import { inOrderOf } from "@atrium/schema-kit";
import type { Db } from "../context";
import { findEmails, findUsers } from "./store";
import type { User } from "./user";

/** Users whom the handle's tenant may see; null for the rest. */
export const userLoader = (db: Db) =>
  new DataLoader<string, User | null>(async (ids) => inOrderOf(ids, await findUsers(db, ids)));

/** E-mail addresses by user. The policy was asked before, so the handle is the service's. */
export const emailLoader = (service: Db) =>
  new DataLoader<string, string | null>(async (userIds) => {
    const found = inOrderOf(userIds, await findEmails(service, userIds), ({ userId }) => userId);
    return found.map((email) => email?.identifier ?? null);
  });
