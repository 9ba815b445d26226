import jwt from "jsonwebtoken";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/** Who signs a test's tokens, with the public key in a file. */
export function testIssuer() {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const directory = mkdtempSync(path.join(tmpdir(), "atrium-issuer-"));
  const jwks = path.join(directory, "keys.json");
  writeFileSync(jwks, JSON.stringify({ keys: [{ ...publicKey.export({ format: "jwk" }), kid: "k" }] }));
  return {
    /** The gateway's setting for its tokens. */
    authentication: { jwks },
    bearer: (claims: object, expiresInSeconds = 60) =>
      `Bearer ${jwt.sign(claims, privateKey, { algorithm: "ES256", keyid: "k", expiresIn: expiresInSeconds })}`,
    close: () => rmSync(directory, { recursive: true }),
  };
}
