import { createHmac, timingSafeEqual } from "node:crypto";
import type { Context } from "../context";

interface FileClaims {
  documentId: string;
  organizationId: string;
  workspaceId: string;
  /** Seconds since 1970. */
  expires: number;
}

const lifetimeSeconds = 15 * 60;

/** An address under which whoever has it may download a document's file for fifteen minutes. */
export function fileLink(
  { fileLinkKey, publicUrl, now }: Pick<Context, "fileLinkKey" | "publicUrl" | "now">,
  { id: documentId, organizationId, workspaceId }: { id: string; organizationId: string; workspaceId: string },
): { url: string; expiresAt: Date } {
  const expires = Math.floor(now().getTime() / 1000) + lifetimeSeconds;
  const claims: FileClaims = { documentId, organizationId, workspaceId, expires };
  const payload = Buffer.from(JSON.stringify(claims)).toString("base64url");
  return { url: `${publicUrl}/files/${payload}.${macOf(payload, fileLinkKey)}`, expiresAt: new Date(expires * 1000) };
}

/** What a token made by `fileLink` opens; null when it was changed, made up, or its time is over. */
export function readFileLink(token: string, key: Buffer, now: Date): FileClaims | null {
  const [payload, mac, ...rest] = token.split(".");
  if (!payload || !mac || rest.length > 0) return null;
  const [given, expected] = [Buffer.from(mac), Buffer.from(macOf(payload, key))];
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as FileClaims;
  return claims.expires * 1000 > now.getTime() ? claims : null;
}

const macOf = (payload: string, key: Buffer) => createHmac("sha256", key).update(payload).digest("base64url");
