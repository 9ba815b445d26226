import { createHmac, randomBytes } from "node:crypto";

const form = /^[A-Za-z0-9_-]{43}$/;

/** The first token of a family: 256 random bits. */
export const newRefreshToken = () => randomBytes(32).toString("base64url");

/**
 * The token that `token` is exchanged for: HMAC-SHA256 under the service's key, over the presented token and the
 * random id of its successor's row. Only hashes rest in the database, yet an exchange that is repeated because its
 * answer was lost can be answered alike. To foresee a successor one needs the token, the row and the key.
 */
export const successorOf = (token: string, successorId: string, key: Buffer) =>
  createHmac("sha256", key).update(`${successorId}.${token}`).digest("base64url");

/** Says only that it could be one. */
export const looksLikeRefreshToken = (text: string) => form.test(text);
