import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  hkdfSync,
  timingSafeEqual,
  type KeyObject,
} from "node:crypto";
import { actorKeyFor } from "@atrium/access";
import { originSeal } from "@atrium/events";

/** What the service signs and hides with; each key for one purpose, none of them stored. */
export interface Keys {
  /** The installation's secret, under which the keys of exports rest. */
  readonly secret: string;
  readonly checkpoints: { readonly id: string; readonly privateKey: KeyObject; readonly publicKey: KeyObject };
  /** Opens the origins of events that a service has sealed. */
  originsOf(service: string): Pick<ReturnType<typeof originSeal>, "open">;
  mac(purpose: "audit-head" | "export-link" | "erasure-code", ...parts: readonly string[]): Buffer;
}

// Of an Ed25519 private key in PKCS #8 (RFC 8410): what stands before its 32 bytes.
const pkcs8Prefix = Buffer.from("302e020100300506032b657004220420", "hex");

/** Derives the keys from the installation's secret (HKDF-SHA256, RFC 5869), so that every process has the same. */
export function keysOf(secret: string): Keys {
  const derive = (purpose: string) => Buffer.from(hkdfSync("sha256", secret, "atrium", `privacy:${purpose}`, 32));
  const seed = derive("audit-checkpoints");
  const privateKey = createPrivateKey({ key: Buffer.concat([pkcs8Prefix, seed]), format: "der", type: "pkcs8" });
  const publicKey = createPublicKey(privateKey);
  const spki = publicKey.export({ format: "der", type: "spki" });
  const id = createHash("sha256").update(spki).digest("base64url").slice(0, 22);
  const macKeys = new Map<string, Buffer>();
  const origins = new Map<string, ReturnType<typeof originSeal>>();
  return {
    secret,
    checkpoints: { id, privateKey, publicKey },
    originsOf(service) {
      const known = origins.get(service) ?? originSeal(actorKeyFor(service, secret));
      origins.set(service, known);
      return known;
    },
    mac(purpose, ...parts) {
      const key = macKeys.get(purpose) ?? derive(purpose);
      macKeys.set(purpose, key);
      return createHmac("sha256", key).update(parts.join("\n")).digest();
    },
  };
}

/** Whether two secrets are the same, in a time that tells nothing of where they differ. */
export const isSame = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && timingSafeEqual(one, other);
