/**
 * What a `multipart/mixed` answer brings, part by part, as Apollo's clients read it. Rejects when the answer ends before
 * its last delimiter.
 */
export async function* partsOf(response: Response): AsyncGenerator<Record<string, unknown>, void> {
  const type = response.headers.get("content-type") ?? "";
  const boundary = /boundary="?([^";]+)"?/.exec(type)?.[1];
  if (!type.startsWith("multipart/mixed") || !boundary) throw new Error(`This is no multipart/mixed: ${type}`);
  const delimiter = `\r\n--${boundary}`;
  const decoder = new TextDecoder();
  let text = "";
  let isPreamble = true;
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    for (let at = text.indexOf(delimiter); at !== -1; at = text.indexOf(delimiter)) {
      const part = text.slice(0, at);
      text = text.slice(at + delimiter.length);
      if (!isPreamble) {
        const headersEnd = part.indexOf("\r\n\r\n");
        if (!/content-type: application\/json/i.test(part.slice(0, headersEnd))) throw new Error(`No JSON: ${part}`);
        yield JSON.parse(part.slice(headersEnd)) as Record<string, unknown>;
      }
      isPreamble = false;
    }
    if (text.startsWith("--")) return;
  }
  throw new Error("The answer ended before its last part.");
}
