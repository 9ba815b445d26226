import { domainToASCII } from "node:url";

export interface EmailAddress {
  /** As the user wrote it, with the domain in lower case. */
  address: string;
  /** What two spellings of one address have in common; unique among users. */
  key: string;
}

const localPart = /^[^\s@"(),:;<>[\]\\]{1,64}$/u;
const domainName = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])$/;

/** Null for what no mail could reach. Quoted local parts and address literals count as such. */
export function parseEmail(text: string): EmailAddress | null {
  const trimmed = text.trim().normalize("NFC");
  const at = trimmed.lastIndexOf("@");
  const local = trimmed.slice(0, Math.max(at, 0));
  const domain = domainToASCII(trimmed.slice(at + 1)).toLowerCase();
  if (at < 1 || !localPart.test(local) || !domainName.test(domain)) return null;
  if (local.startsWith(".") || local.endsWith(".") || local.includes("..")) return null;
  const address = `${local}@${domain}`;
  return address.length <= 254 ? { address, key: address.toLowerCase() } : null;
}
