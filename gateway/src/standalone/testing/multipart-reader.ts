// Reads a subscription as Apollo's clients do, by the page of their protocol:
// https://www.apollographql.com/docs/graphos/routing/operations/subscriptions/multipart-protocol
import { request as httpRequest } from "node:http";

/** A part of a subscription's stream; an empty one is a heartbeat. */
export interface Part {
  payload?: { data?: Record<string, unknown> | null; errors?: object[] } | null;
  errors?: { message: string; extensions?: Record<string, unknown> }[];
}

/** Begins a subscription; `done` says whether its last boundary came before the connection ended. */
export function readMultipart(url: string, query: string, headers: Record<string, string> = {}) {
  const parts: Part[] = [];
  let status: number | undefined;
  let isWhole = false;
  let over!: (end: "WHOLE" | "BROKEN") => void;
  const done = new Promise<"WHOLE" | "BROKEN">((resolve) => (over = resolve));
  const request = httpRequest(
    url,
    {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "multipart/mixed;subscriptionSpec=1.0, application/json",
        ...headers,
      },
    },
    (response) => {
      status = response.statusCode;
      const boundary = /boundary="?([^";]+)"?/.exec(response.headers["content-type"]!)?.[1];
      if (boundary === undefined) return void response.resume().on("close", () => over("BROKEN"));
      const delimiter = `\r\n--${boundary}`;
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
        for (let at = text.indexOf(delimiter); at >= 0; at = text.indexOf(delimiter)) {
          const [head, body] = text.slice(0, at).split("\r\n\r\n", 2);
          if (body !== undefined) {
            if (!/^\r\ncontent-type: application\/json/i.test(head!)) throw new Error(`A part without a type: ${head}`);
            parts.push(JSON.parse(body) as Part);
          }
          text = text.slice(at + delimiter.length);
        }
        isWhole = text.startsWith("--");
      });
      response.on("error", () => {});
      response.on("close", () => over(isWhole ? "WHOLE" : "BROKEN"));
    },
  );
  request.on("error", () => over("BROKEN"));
  request.end(JSON.stringify({ query }));
  return {
    parts,
    status: () => status,
    payloads: () => parts.flatMap(({ payload }) => (payload ? [payload] : [])),
    done,
    leave: () => void request.destroy(),
  };
}
