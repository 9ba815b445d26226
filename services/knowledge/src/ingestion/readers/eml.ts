import PostalMime, { type Address, type Email } from "postal-mime";
import type { Draft, ReaderInput } from "../document";
import { htmlDrafts } from "./html";

/** A message's subject is its heading; sender, recipients and date follow, then the text. Attachments are named, not read. */
export async function* readEml(input: ReaderInput): AsyncGenerator<Draft> {
  const mail = await PostalMime.parse(await input.bytes());
  if (mail.subject) {
    yield { kind: "FACTS", title: mail.subject };
    yield { kind: "HEADING", level: 1, text: mail.subject };
  }
  const lines = [
    ["From", named(mail.from)],
    ["To", mail.to?.map(named).join(", ")],
    ["Cc", mail.cc?.map(named).join(", ")],
    ["Date", mail.date?.replace(/T(\d\d:\d\d).*/, " $1 UTC")],
    [
      "Attachments",
      mail.attachments
        .map((attachment) => attachment.filename)
        .filter(Boolean)
        .join(", "),
    ],
  ];
  yield {
    kind: "PARAGRAPH",
    text: lines
      .filter(([, value]) => value)
      .map(([name, value]) => `${name}: ${value}`)
      .join("\n"),
  };
  yield* bodyDrafts(mail);
}

function* bodyDrafts(mail: Email): Generator<Draft> {
  const text = mail.text?.trim();
  if (text || !mail.html)
    for (const paragraph of (text ?? "").split(/\n\s*\n/)) yield { kind: "PARAGRAPH", text: paragraph };
  else yield* htmlDrafts(mail.html).filter((draft) => draft.kind !== "FACTS");
}

function named(address: Address | undefined): string {
  if (!address) return "";
  return address.name && address.address
    ? `${address.name} <${address.address}>`
    : address.name || address.address || "";
}
