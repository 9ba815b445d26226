import { readFile, stat } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { request } from "undici";

/** Where a supergraph is read from: a file, or an address that is asked again with its `ETag`. */
export interface SupergraphSource {
  read(): Promise<string>;
  /** Calls back with each new text, until the signal ends it. A source that can't be read is tried again, and told of once. */
  watch(
    onText: (text: string) => Promise<void>,
    onFailure: (error: unknown) => void,
    signal: AbortSignal,
  ): Promise<void>;
}

const fetchTimeoutMs = 15_000;

export function supergraphSource(place: string, everyMs: number): SupergraphSource {
  const look = /^https?:/.test(place) ? remote(place) : local(place);
  let last: string | undefined;
  const change = async (): Promise<string | undefined> => {
    const text = await look().catch((error: unknown) => {
      throw new Error(`The supergraph ${place} can't be read: ${(error as Error).message}`);
    });
    if (text === undefined || text === last) return undefined;
    return (last = text);
  };
  return {
    async read() {
      const text = await change();
      // A first look finds something.
      return text!;
    },
    async watch(onText, onFailure, signal) {
      let lastFailure: string | undefined;
      while (!signal.aborted) {
        await delay(everyMs, undefined, { signal, ref: false }).catch(() => {});
        if (signal.aborted) return;
        try {
          const text = await change();
          if (text !== undefined) await onText(text);
          lastFailure = undefined;
        } catch (error) {
          const { message } = error as Error;
          if (message !== lastFailure) onFailure(error);
          lastFailure = message;
        }
      }
    },
  };
}

/** The text when it may have changed since the last look. */
type Look = () => Promise<string | undefined>;

function local(file: string): Look {
  let seen: string | undefined;
  let coming: string | undefined;
  return async () => {
    const { mtimeMs, size, ino } = await stat(file);
    const state = `${mtimeMs} ${size} ${ino}`;
    if (state === seen) return undefined;
    // One that is being written is half of one: it has to look the same twice.
    if (seen !== undefined && state !== coming) {
      coming = state;
      return undefined;
    }
    const text = await readFile(file, "utf8");
    seen = state;
    return text;
  };
}

function remote(url: string): Look {
  let etag: string | undefined;
  return async () => {
    const { statusCode, headers, body } = await request(url, {
      headers: etag === undefined ? {} : { "if-none-match": etag },
      signal: AbortSignal.timeout(fetchTimeoutMs),
    });
    const text = await body.text();
    if (statusCode === 304) return undefined;
    if (statusCode !== 200) throw new Error(`${url} answered ${statusCode}.`);
    etag = typeof headers.etag === "string" ? headers.etag : undefined;
    return text;
  };
}
