import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";

/** Where a request came from. Both tell something of a person, so they travel sealed and are read by the audit alone. */
export interface Origin {
  /** The truncated address. */
  readonly network: string | null;
  readonly userAgent: string | null;
}

const cipher = "aes-256-gcm";
const ivBytes = 12;
const tagBytes = 16;
const userAgentLengthMax = 400;

/**
 * Seals origins for events of one service (AES-256-GCM, its key by HKDF-SHA256 of the service's own key), base64url:
 * topics, inboxes and dead letters then hold nothing of the person that outlives the key, or can be read there.
 */
export function originSeal(serviceKey: Buffer) {
  const key = Buffer.from(hkdfSync("sha256", serviceKey, "atrium", "events:origin", 32));
  return {
    seal({ network, userAgent }: Origin): string {
      const iv = randomBytes(ivBytes);
      const sealing = createCipheriv(cipher, key, iv);
      const text = JSON.stringify([network, userAgent?.slice(0, userAgentLengthMax) ?? null]);
      const sealed = Buffer.concat([sealing.update(text, "utf8"), sealing.final()]);
      return Buffer.concat([iv, sealing.getAuthTag(), sealed]).toString("base64url");
    },
    /** Null for what this service hasn't sealed. */
    open(text: string): Origin | null {
      const bytes = Buffer.from(text, "base64url");
      try {
        const opening = createDecipheriv(cipher, key, bytes.subarray(0, ivBytes), { authTagLength: tagBytes });
        opening.setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes));
        const opened = Buffer.concat([opening.update(bytes.subarray(ivBytes + tagBytes)), opening.final()]);
        const [network, userAgent] = JSON.parse(opened.toString("utf8")) as [string | null, string | null];
        return { network, userAgent };
      } catch {
        return null;
      }
    },
  };
}
