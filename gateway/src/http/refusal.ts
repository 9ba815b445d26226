import { GraphQLError, type GraphQLFormattedError } from "graphql";
import { RequestRefused } from "../endpoint";
import type { Accepted } from "./negotiation";

interface HttpHint {
  status?: number;
  headers?: Record<string, string>;
}

/** A request that isn't run, with its status in HTTP. */
export function refused(code: string, message: string, status: number, headers: Record<string, string> = {}) {
  return new RequestRefused([new GraphQLError(message, { extensions: { code, http: { status, headers } } })]);
}

/** How a refusal is answered: 400 unless it says otherwise; 200 for clients that know of no other status. */
export function answerOfRefusal({ errors }: RequestRefused, type: Accepted["type"]) {
  const hints = errors.map(({ extensions }) => (extensions["http"] ?? {}) as HttpHint);
  const headers = Object.assign({}, ...hints.map((hint) => hint.headers)) as Record<string, string>;
  const otherwise = type === "application/json" ? 200 : 400;
  const status = hints.find((hint) => hint.status !== undefined)?.status ?? otherwise;
  return { status, headers, errors: errors.map(formatted) };
}

/** As it is sent: without what is for HTTP alone. */
export function formatted(error: GraphQLError): GraphQLFormattedError {
  const { extensions, ...rest } = error.toJSON();
  const { http: _, ...told } = extensions ?? {};
  return { ...rest, ...(Object.keys(told).length > 0 && { extensions: told }) };
}
