import { PublicError } from "@atrium/errors";
import type { IncomingMessage } from "node:http";

/** The client was too slow to send what it announced. */
export class BodyTimeout extends Error {}
/** The client left before its request was complete. */
export class ClientGone extends Error {}

/** Reads a whole body of at most `bytesMax`, arriving within `timeoutMs`. */
export function readBody(request: IncomingMessage, o: { bytesMax: number; timeoutMs: number }): Promise<Buffer> {
  const tooLarge = () => new PublicError("PAYLOAD_TOO_LARGE", `A request may have ${o.bytesMax} bytes at the most.`);
  return new Promise((resolve, reject) => {
    if (Number(request.headers["content-length"]) > o.bytesMax) return reject(tooLarge());
    const chunks: Buffer[] = [];
    let size = 0;
    const timer = setTimeout(() => fail(new BodyTimeout("The request's body didn't arrive in time.")), o.timeoutMs);
    const onData = (chunk: Buffer) => {
      size += chunk.length;
      if (size > o.bytesMax) fail(tooLarge());
      else chunks.push(chunk);
    };
    const onEnd = () => {
      stop();
      resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks));
    };
    const onClose = () => fail(new ClientGone("The client left before its request was complete."));
    const fail = (error: Error) => {
      stop();
      reject(error);
    };
    const stop = () => {
      clearTimeout(timer);
      request.off("data", onData).off("end", onEnd).off("close", onClose).off("error", onClose);
    };
    request.on("data", onData).on("end", onEnd).on("close", onClose).on("error", onClose);
  });
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** JSON in UTF-8, or `BAD_USER_INPUT`. */
export function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(utf8.decode(body));
  } catch (error) {
    throw new PublicError("BAD_USER_INPUT", "The request's body isn't valid JSON in UTF-8.", {
      field: "body",
      cause: error,
    });
  }
}
