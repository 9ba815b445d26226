/** One request to the endpoint whose answer comes in parts; `stop` leaves it. */
export async function streamed(
  url: string,
  o: { token: string | null; accept: string; query: string; variables?: object },
) {
  const abort = new AbortController();
  const response = await fetch(url, {
    method: "POST",
    signal: abort.signal,
    headers: {
      accept: o.accept,
      "content-type": "application/json",
      ...(o.token !== null && { authorization: `Bearer ${o.token}` }),
    },
    body: JSON.stringify({ query: o.query, variables: o.variables }),
  });
  return { response, stop: () => abort.abort() };
}

/** The `next` events of server-sent events (graphql-sse's distinct connections), until `complete`. */
export async function* sentEvents(response: Response): AsyncGenerator<Record<string, unknown>, void> {
  for await (const message of splitAt("\n\n", response)) {
    const lines = message.split("\n");
    if (lines.includes("event: complete")) return;
    const data = lines.find((line) => line.startsWith("data: "));
    if (data) yield JSON.parse(data.slice("data: ".length)) as Record<string, unknown>;
  }
  throw new Error("The stream ended without a last word.");
}

/** The parts of `multipart/mixed`, until the last delimiter. */
export async function* parts(response: Response): AsyncGenerator<Record<string, unknown>, void> {
  const [, boundary] = /boundary="([^"]+)"/.exec(response.headers.get("content-type") ?? "") ?? [];
  for await (const part of splitAt(`\r\n--${boundary}`, response, "--\r\n")) {
    const json = part.slice(part.indexOf("\r\n\r\n") + 4);
    if (part.startsWith("\r\ncontent-type: application/json")) yield JSON.parse(json) as Record<string, unknown>;
  }
}

async function* splitAt(delimiter: string, response: Response, end?: string): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    const pieces = text.split(delimiter);
    text = pieces.pop()!;
    yield* pieces;
    if (end !== undefined && text === end) return;
  }
}
