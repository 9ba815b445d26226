import { Pool } from "undici";
import type { Call } from "./generator";
import type { QueryPlan } from "./plan";

/** Callers over HTTP, each with a connection of its own that is kept alive. Any error ends the run. */
export async function queryCallers({ url, tokens, query, variables }: QueryPlan) {
  const { origin, pathname } = new URL(url);
  const pool = new Pool(origin, { connections: tokens.length, pipelining: 1 });
  const bodies = variables.map((each) => JSON.stringify({ query, variables: each }));
  const callers = tokens.map((token, n): Call => {
    const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
    return async (round) => {
      const body = bodies[(n * 7 + round) % bodies.length]!;
      const response = await pool.request({ method: "POST", path: pathname, headers, body });
      const text = await response.body.text();
      if (response.statusCode !== 200 || text.includes('"errors"'))
        throw new Error(`${response.statusCode}: ${text.slice(0, 500)}`);
    };
  });
  return { callers, close: () => pool.close() };
}
