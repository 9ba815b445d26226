import { createHash } from "node:crypto";

// A named statement is parsed once per connection and kept there. Texts without end (an IN list of every length)
// would fill the server's memory, so only so many are named, and only those that come back.
const namesMax = 500;
const textsSeenOnceMax = 5_000;

/** Names for statements that are sent more than once; undefined means «send it unnamed». */
export class StatementNames {
  readonly #names = new Map<string, string>();
  #seenOnce = new Set<string>();

  nameOf(text: string): string | undefined {
    const known = this.#names.get(text);
    if (known || this.#names.size >= namesMax) return known;
    if (!this.#seenOnce.delete(text)) {
      if (this.#seenOnce.size >= textsSeenOnceMax) this.#seenOnce.clear();
      this.#seenOnce.add(text);
      return undefined;
    }
    const name = `s_${createHash("sha1").update(text).digest("base64url")}`;
    this.#names.set(text, name);
    return name;
  }
}

const allowedStart = /^[\s(]*(select|insert|update|delete|with|merge|values)\b/i;
// `U&"…"` spells identifiers by code point; the XML functions run a query that comes as text.
const forbidden = /set_config|u&"|query_to_xml|cursor_to_xml/i;

/**
 * Refuses a statement that could change the tenant it runs for. A statement travels alone (the extended protocol
 * takes no second one), so it is enough to admit queries and changes of rows, and no call that sets a setting.
 */
export function assertTenantSafe(text: string): void {
  const statement = withoutLeadingComments(text);
  if (!allowedStart.test(statement))
    throw new Error(`Only queries and changes of rows run on a tenant's handle, not: ${statement.slice(0, 60)}`);
  if (forbidden.test(statement)) throw new Error("A statement on a tenant's handle may not change settings.");
}

const withoutLeadingComments = (text: string) =>
  text.replace(/^(\s+|--[^\n]*(\n|$)|\/\*[^*]*\*+([^/*][^*]*\*+)*\/)+/, "");

export const isQuery = (text: string) =>
  /^select\b/i.test(withoutLeadingComments(text)) &&
  !/\bfor\s+(no\s+key\s+)?(update|share)\b|nextval|pg_notify/i.test(text);
