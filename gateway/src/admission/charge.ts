import { GraphQLError } from "graphql";
import type { ClientRequest } from "../client-request";
import { RequestRefused, type Settle } from "../endpoint";
import type { Answer } from "../execution/engine";
import type { Operation } from "../graph/operation";
import type { Budget } from "./budget";
import { SlicingFault, type CostModel } from "./cost";

export interface ChargeOptions<Request extends ClientRequest> {
  model: CostModel;
  /** `MEASURE` refuses nothing: it logs what `ENFORCE` would refuse by an operation's own cost. */
  mode: "MEASURE" | "ENFORCE";
  /** Of one operation, estimated. */
  costMax: number;
  /** Each caller's, where there is one: estimated first, corrected by what the answer did cost. */
  budget?: Budget;
  /** Whether this request wants to know, by `extensions.cost`. */
  isAsked(request: Request): boolean;
}

/** Turns away what would cost too much, and keeps each caller's account by the minute. */
export function createCharge<Request extends ClientRequest>(o: ChargeOptions<Request>) {
  const isEnforced = o.mode === "ENFORCE";

  function estimateOf(operation: Operation, variables: Readonly<Record<string, unknown>>, { log }: Request) {
    let cost = NaN;
    let fault: RequestRefused | undefined;
    try {
      cost = o.model.estimate(operation, variables);
      if (cost > o.costMax)
        fault = refusal(
          "OPERATION_TOO_COMPLEX",
          `The operation may cost ${Math.round(cost)}; the limit is ${o.costMax}. Ask for smaller pages or fewer fields.`,
        );
    } catch (error) {
      if (!(error instanceof SlicingFault)) throw error;
      fault = refusal("BAD_USER_INPUT", error.message);
    }
    if (fault && isEnforced) throw fault;
    if (fault) log.warn({ operation: operation.name, fault: fault.message }, "This operation would be refused.");
    return cost;
  }

  async function charged(
    operation: Operation,
    variables: Readonly<Record<string, unknown>>,
    request: Request,
  ): Promise<Settle> {
    const estimated = estimateOf(operation, variables, request);
    const spending = isEnforced ? await o.budget?.spend(request.callerKey, estimated) : undefined;
    if (spending && !spending.allowed) throw overdrawn(spending.retryAfterSeconds);
    const isAsked = o.isAsked(request);
    if (!spending && !isAsked) return unchanged;
    let isSettled = false;
    return (answer) => {
      const isWhole = !answer.errors?.length && !("hasNext" in answer && answer.hasNext === true);
      const actual = o.model.actual(operation, variables, answer.data);
      // What failed half-way, or is still to come, did cost more than can be seen: it gives nothing back. A
      // subscription's events each come here: the first corrects the estimate, the others are spent as they are.
      if (isSettled) o.budget?.add(request.callerKey, actual);
      else if (isWhole || actual > estimated) spending?.correct(actual - estimated);
      isSettled = true;
      if (!isAsked) return answer;
      const cost = {
        estimated: Number.isNaN(estimated) ? null : estimated,
        actual,
        max: o.costMax === Infinity ? null : o.costMax,
      };
      return { ...answer, extensions: { ...answer.extensions, cost } };
    };
  }

  return (operation: Operation, variables: Readonly<Record<string, unknown>>, request: Request) =>
    !isEnforced && o.costMax === Infinity && !o.isAsked(request) ? unchanged : charged(operation, variables, request);
}

const unchanged: Settle = (answer: Answer) => answer;

const refusal = (code: string, message: string, more: object = {}) =>
  new RequestRefused([new GraphQLError(message, { extensions: { code, http: { status: 400 }, ...more } })]);

const overdrawn = (retryAfterSeconds: number) =>
  refusal("RATE_LIMITED", `Your operations of this minute cost too much; try again in ${retryAfterSeconds} s.`, {
    retryAfterSeconds,
    http: { status: 429, headers: { "retry-after": String(retryAfterSeconds) } },
  });
