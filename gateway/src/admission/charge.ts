import { GraphQLError } from "graphql";
import { LRUCache } from "lru-cache";
import type { ClientRequest } from "../client-request";
import { RequestRefused, type Settle } from "../endpoint";
import type { Operation } from "../graph/operation";
import { SlicingFault, type CostModel } from "./cost";

export interface ChargeOptions {
  model: CostModel;
  /** `MEASURE` refuses nothing. */
  mode: "MEASURE" | "ENFORCE";
  /** Of one operation, estimated. */
  costMax: number;
  /** Of one caller within a minute: estimated first, corrected by what the answer did cost. None without it. */
  costPerMinuteMax?: number;
  /** Whether this request wants to know, by `extensions.cost`. */
  isAsked(request: ClientRequest): boolean;
}

const minuteMs = 60_000;
const callersMax = 100_000;

/** Turns away what would cost too much, and keeps each caller's account by the minute. */
export function createCharge(o: ChargeOptions) {
  const accounts = new LRUCache<string, { minute: number; spent: number }>({ max: callersMax });

  function accountOf({ callerKey }: ClientRequest, now: number) {
    const minute = Math.floor(now / minuteMs);
    let account = accounts.get(callerKey);
    if (account?.minute !== minute) accounts.set(callerKey, (account = { minute, spent: 0 }));
    return account;
  }

  return (operation: Operation, variables: Readonly<Record<string, unknown>>, request: ClientRequest): Settle => {
    let estimated: number;
    try {
      estimated = o.model.estimate(operation, variables);
    } catch (error) {
      if (!(error instanceof SlicingFault)) throw error;
      throw refusal("BAD_USER_INPUT", error.message, 400);
    }
    if (o.mode === "ENFORCE" && estimated > o.costMax)
      throw refusal(
        "OPERATION_TOO_COMPLEX",
        `The operation may cost ${Math.round(estimated)}; the limit is ${o.costMax}. Ask for smaller pages or fewer fields.`,
        400,
      );
    const now = Date.now();
    const account = o.costPerMinuteMax === undefined ? null : accountOf(request, now);
    if (account && o.mode === "ENFORCE" && account.spent + estimated > o.costPerMinuteMax!) {
      const retryAfterSeconds = Math.ceil((minuteMs - (now % minuteMs)) / 1_000);
      throw refusal(
        "RATE_LIMITED",
        `Your operations of this minute cost too much; try again in ${retryAfterSeconds} s.`,
        429,
        {
          retryAfterSeconds,
        },
      );
    }
    if (account) account.spent += estimated;
    const isAsked = o.isAsked(request);
    if (!account && !isAsked) return unchanged;
    let isSettled = false;
    return (answer) => {
      const actual = o.model.actual(operation, variables, answer.data);
      // A subscription's events each come here: the first corrects the estimate, the others are spent as they are.
      if (account) account.spent += isSettled ? actual : actual - estimated;
      isSettled = true;
      if (!isAsked) return answer;
      const cost = { estimated, actual, max: o.costMax };
      return { ...answer, extensions: { ...answer.extensions, cost } };
    };
  };
}

const unchanged: Settle = (answer) => answer;

const refusal = (code: string, message: string, status: number, more: object = {}) =>
  new RequestRefused([
    new GraphQLError(message, {
      extensions: {
        code,
        ...more,
        http: {
          status,
          ...(status === 429 && {
            headers: { "retry-after": String((more as { retryAfterSeconds: number }).retryAfterSeconds) },
          }),
        },
      },
    }),
  ]);
