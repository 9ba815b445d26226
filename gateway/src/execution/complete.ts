import type { GraphQLFormattedError } from "graphql";
import type { ClientRequest } from "../client-request";
import { denial } from "../authorization/denial";
import { clientPath } from "./client-path";
import { Completion, type Gap } from "./completion";
import type { Answer } from "./engine";
import type { Complete } from "./leaf";
import type { Place } from "./places";
import type { PreparedOperation } from "./prepared";
import type { Run } from "./run";
import { bubble } from "./shape";
import type { Tree } from "./tree";

/** What the client gets of a value of the merged answers: its data by the shape, and the errors, each at its place. */
export function completed<Request extends ClientRequest>(
  prepared: PreparedOperation<Request>,
  run: Run<Request>,
  shape: Complete,
  value: Tree,
  at: Place = [],
): Answer {
  const completion = new Completion(run.variables, (key) => prepared.introspect(key, run.variables));
  const shaped = shape(value, completion);
  const data = shaped === bubble ? null : (shaped as Answer["data"]);
  const answer: Answer = { data };
  if (run.extensions) answer.extensions = run.extensions;
  if (run.errors.length === 0 && completion.count === 0) return answer;
  const toClient = clientPath(prepared.operation);
  const errors = distinct(run.errors.map((error) => (error.path ? placed(error, toClient([...error.path])) : error)));
  for (const gap of completion.found()) {
    const path = [...at, ...gap.path];
    if (gap.why === "DENIED") errors.push({ ...(run.options.describeDenial ?? denial)(run.request), path });
    else if (!errors.some((error) => explains(error, path))) errors.push({ ...describe(run, gap, gap.why), path });
  }
  return errors.length > 0 ? { errors, ...answer } : answer;
}

const placed = (error: GraphQLFormattedError, path: Place): GraphQLFormattedError => {
  const { path: _, ...rest } = error;
  return path.length > 0 ? { ...rest, path } : rest;
};

/** An error at the place, above it or below it says why there is nothing; so does one that names no place. */
function explains({ path }: GraphQLFormattedError, place: Place): boolean {
  if (!path) return true;
  const shared = Math.min(path.length, place.length);
  for (let i = 0; i < shared; i++) if (path[i] !== place[i]) return false;
  return true;
}

/** Errors of fields that the client doesn't know may come to read the same. */
function distinct(errors: readonly GraphQLFormattedError[]): GraphQLFormattedError[] {
  if (errors.length < 2) return [...errors];
  return [...new Map(errors.map((error) => [JSON.stringify(error), error])).values()];
}

function describe<Request extends ClientRequest>(
  { options, request }: Run<Request>,
  { where }: Gap,
  why: "NULL" | "INVALID",
): GraphQLFormattedError {
  if (options.describeGap) return options.describeGap({ why, where }, request);
  return why === "NULL"
    ? {
        message: `Cannot return null for non-nullable field ${where}.`,
        extensions: { code: "SUBGRAPH_VALUE_MISSING" },
      }
    : { message: `A subgraph sent a value that isn't ${where}.`, extensions: { code: "SUBGRAPH_VALUE_INVALID" } };
}
