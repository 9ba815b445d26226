import { isSame, type Keys } from "../keys";

interface Claims {
  exportId: string;
  /** Seconds since 1970. */
  expires: number;
}

/** What stands in an export's address. It opens the file for the one person that it is of, who has to be signed in. */
export function exportToken(
  keys: Keys,
  { id: exportId, availableUntil }: { id: string; availableUntil: Date },
): string {
  const claims: Claims = { exportId, expires: Math.floor(availableUntil.getTime() / 1000) };
  const payload = Buffer.from(JSON.stringify(claims)).toString("base64url");
  return `${payload}.${macOf(keys, payload)}`;
}

const macOf = (keys: Keys, payload: string) => keys.mac("export-link", payload).toString("base64url");

/** Null for a token that was changed, made up, or whose time is over. */
export function readExportToken(keys: Keys, token: string, now: Date): Claims | null {
  const [payload, mac, ...rest] = token.split(".");
  if (!payload || !mac || rest.length > 0) return null;
  // As text: several texts stand for the same bytes.
  if (!isSame(Buffer.from(mac), Buffer.from(macOf(keys, payload)))) return null;
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as Claims;
  return claims.expires * 1000 > now.getTime() ? claims : null;
}
