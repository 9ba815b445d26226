import type { ServerResponse } from "node:http";

/** Says that the answer depends on this header of the request. */
export function addVary(response: ServerResponse, name: string): void {
  const present = response.getHeader("vary");
  if (present === undefined) response.setHeader("vary", name);
  else if (!String(present).split(", ").includes(name)) response.setHeader("vary", `${String(present)}, ${name}`);
}
