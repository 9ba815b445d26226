import { isSignedIn } from "@atrium/access";
import { PublicError } from "@atrium/errors";
import type { GraphQLError, GraphQLFormattedError } from "graphql";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "pino";
import { sessionEnded, type Authentication, type Proof } from "./authentication";
import type { OperationParams } from "./client-request";
import { RequestRefused, type Endpoint } from "./endpoint";
import {
  isEventStream,
  isIncremental,
  type Answer,
  type EventStream,
  type IncrementalAnswer,
} from "./execution/engine";
import { sendText } from "./http/answer";
import { endable } from "./http/endable";
import { cutOff, sendEvents } from "./http/event-streams";
import { credentialsOf } from "./http/incoming";
import { sendIncrementally } from "./http/multipart";
import { accepted, type Accepted } from "./http/negotiation";
import { answerOfRefusal, refused } from "./http/refusal";
import type { Limits } from "./limits";
import { maskError } from "./masking";
import { OperationTime } from "./operation-time";
import { factsOf, RequestContext } from "./request-context";
import { hasAllOf } from "./rights";
import type { Subscribers } from "./subscriptions/subscribers";
import { askedSince } from "./subscriptions/asked-since";
import { SlowConsumer } from "./subscriptions/event-queue";

// Node's timers know no longer time.
const timerMaxMs = 2 ** 31 - 1;
// What a client that doesn't read has left to take the last event.
const lastEventMs = 2_000;

/** The house's answers in parts, and subscriptions over HTTP. */
export interface Streams {
  answer(endpoint: Endpoint<RequestContext>, exchange: StreamExchange): Promise<void>;
  /** Ends every subscription as a broken line does, so that clients try again, elsewhere. */
  stop(): void;
}

export interface StreamExchange {
  request: IncomingMessage;
  response: ServerResponse;
  requestId: string;
  log: Logger;
  /** What is asked for. Throws `RequestRefused`. */
  params(): OperationParams;
}

/** A running subscription. */
interface Stream {
  proof: Proof;
  /** Ends it, telling why. */
  end(reason: GraphQLFormattedError): void;
  /** Ends it as a broken line does. */
  cut(): void;
}

/** Whether a request's client reads answers in parts (`@defer`) or subscriptions over HTTP. */
export const readsStreams = ({ headers: { accept } }: IncomingMessage): boolean => {
  if (accept === undefined || !/text\/event-stream|multipart\/mixed/i.test(accept)) return false;
  const { deferred, events } = accepted(accept);
  return deferred || events !== null;
};

/**
 * For clients that read streams: `@defer` by `multipart/mixed; deferSpec=20220824`, subscriptions by server-sent events
 * (graphql-sse's distinct connections) or `multipart/mixed; subscriptionSpec=1.0`. As on sockets, the session and the rights
 * are asked anew before each event, and a stream ends with its session; unlike a socket it also ends with its token.
 */
export function openStreams(o: {
  authentication: Authentication;
  limits: Limits;
  trustedProxies: number;
  subscribers: Subscribers;
}): Streams {
  const { authentication, limits, subscribers } = o;
  const streams = new Set<Stream>();
  let isStopping = false;

  async function answer(endpoint: Endpoint<RequestContext>, exchange: StreamExchange): Promise<void> {
    const { request, response, log } = exchange;
    const how = accepted(request.headers.accept);
    const proof = await authentication.verify(credentialsOf(request));
    const { actor } = await authentication.resolve(proof);
    const time = new OperationTime(limits.operationTimeoutMs);
    const left = () => time.clientLeft();
    response.once("close", left);
    const facts = { ...factsOf(request, o.trustedProxies), requestId: exchange.requestId, log };
    const context = new RequestContext(facts, actor, time);
    let place: ReturnType<Subscribers["take"]> | undefined;
    const check = ({ type }: { type: string }) => {
      if (type === "mutation" && request.method !== "POST")
        throw refused("BAD_REQUEST", "Mutations are sent by POST.", 405, { allow: "POST" });
      if (type !== "subscription") return;
      if (how.events === null) throw refused("BAD_REQUEST", otherWays, 400);
      if (!isSignedIn(actor)) throw refused("UNAUTHENTICATED", "Sign in first.", 401);
      if (isStopping || streams.size >= limits.stream.totalMax) throw noRoom();
      place = subscribers.take(context.callerKey);
      // A subscription takes as long as it takes.
      time.stop();
    };
    try {
      const requestOfEvent = recheckOf(proof, context);
      const answer = await endpoint.answer(
        exchange.params(),
        context,
        { incremental: how.deferred, check },
        { requestOfEvent },
      );
      if (isEventStream(answer)) return await sendSubscription(exchange, how, proof, place!.counted(answer), left);
      if (isIncremental(answer)) return await sendIncrementally(request, response, maskedParts(answer, log));
      await send(exchange, how, masked(answer, log), statusOf(answer, how));
    } catch (error) {
      if (!(error instanceof RequestRefused) || response.headersSent) throw error;
      await sendRefusal(exchange, how, error);
    } finally {
      place?.leave();
      time.stop();
      response.off("close", left);
    }
  }

  /** Before each event: the subgraph decided with the rights of the subscriber as they were, so none may be lost since. */
  function recheckOf(proof: Proof, context: RequestContext): (arrivedAt: number) => Promise<RequestContext> {
    const resolved = askedSince(() => authentication.resolve(proof));
    return async (arrivedAt) => {
      const { actor } = await resolved(arrivedAt);
      if (hasAllOf(actor, context.actor)) return context.as(actor);
      throw new PublicError("FORBIDDEN", "What you may do here has changed. Subscribe again.");
    };
  }

  async function sendSubscription(
    { request, response, log }: StreamExchange,
    how: Accepted,
    proof: Proof,
    source: EventStream,
    ended: () => void,
  ): Promise<void> {
    const told = (fault: unknown): Answer => ({ errors: [reasonOf(fault, log)] });
    const cut = () => void (response.writableFinished || response.destroy());
    const stream = endable(
      mapped(source, (event) => masked(event, log)),
      {
        told,
        ended() {
          ended();
          setTimeout(cut, lastEventMs).unref();
        },
      },
    );
    const running: Stream = {
      proof,
      end(reason) {
        if (how.events === "MULTIPART") cutOff(response, how.events, reason);
        stream.end({ errors: [reason] });
      },
      cut: () => {
        response.end();
        stream.end();
      },
    };
    const leftMs = proof.kind === "TOKEN" ? proof.claims.expiresAt.getTime() - Date.now() : Infinity;
    const lapse = leftMs < timerMaxMs ? setTimeout(() => running.end(tokenExpired), leftMs) : undefined;
    try {
      // It was being let in while those that ran were ended.
      if (isStopping) {
        stream.end();
        throw noRoom();
      }
      streams.add(running);
      await sendEvents(request, response, stream.events, how.events!, limits.stream.heartbeatMs);
    } finally {
      clearTimeout(lapse);
      streams.delete(running);
    }
  }

  let isChecking = false;
  const sessionChecks = setInterval(() => {
    if (isChecking || streams.size === 0) return;
    isChecking = true;
    const checks = [...streams].map(async ({ proof, end }) => {
      // While it can't be checked, nothing is sent either: each event asks for itself.
      const lives = await authentication.alive(proof).catch(() => true);
      if (!lives) end(publicly(sessionEnded()));
    });
    void Promise.all(checks).finally(() => (isChecking = false));
  }, limits.socket.sessionCheckIntervalMs).unref();

  return {
    answer,
    stop() {
      isStopping = true;
      clearInterval(sessionChecks);
      for (const { cut } of [...streams]) cut();
    },
  };
}

export const otherWays =
  "Subscriptions are served over WebSocket at this address (graphql-transport-ws), by server-sent events " +
  "(Accept: text/event-stream) and by multipart/mixed; subscriptionSpec=1.0.";

const noRoom = () =>
  refused("SERVICE_UNAVAILABLE", "The gateway takes no more subscriptions. Try again.", 503, { "retry-after": "1" });

const publicly = ({ message, extensions }: PublicError): GraphQLFormattedError => ({
  message,
  extensions: { ...extensions },
});

const tokenExpired = publicly(
  new PublicError("UNAUTHENTICATED", "The access token has expired. Subscribe with a new one."),
);

/** Why a subscription's events broke off. */
function reasonOf(fault: unknown, log: Logger): GraphQLFormattedError {
  if (fault instanceof SlowConsumer) return { message: fault.message, extensions: { code: "SLOW_CONSUMER" } };
  return maskError(fault instanceof PublicError ? publicly(fault) : { message: String(fault) }, fault, log);
}

const masked = <Part extends Answer>(answer: Part, log: Logger): Part =>
  answer.errors ? { ...answer, errors: answer.errors.map((error) => maskError(error, error, log)) } : answer;

function maskedParts({ initial, subsequent }: IncrementalAnswer, log: Logger): IncrementalAnswer {
  const parts = mapped(subsequent, ({ incremental, ...part }) => ({
    ...part,
    ...(incremental && { incremental: incremental.map((each) => masked(each, log)) }),
  }));
  return { initial: masked(initial, log), subsequent: parts };
}

function mapped<Value>(source: AsyncIterableIterator<Value>, change: (value: Value) => Value) {
  const changed: AsyncIterableIterator<Value> = {
    async next() {
      const step = await source.next();
      return step.done ? step : { done: false, value: change(step.value) };
    },
    return: async () => (await source.return?.()) ?? { done: true, value: undefined },
    [Symbol.asyncIterator]: () => changed,
  };
  return changed;
}

/** GraphQL over HTTP: whatever was executed is 200, whether or not all of it could be answered. */
const statusOf = (answer: Answer, { type }: Accepted): number =>
  answer.data === undefined && type !== "application/json" ? 400 : 200;

/** A single answer: as JSON, or as one event for a client that reads nothing else. */
async function send(
  { request, response }: StreamExchange,
  { type, onlyEvents }: Accepted,
  answer: Answer,
  status: number,
): Promise<void> {
  if (onlyEvents) return sendEvents(request, response, once(answer), "SSE", timerMaxMs);
  await sendText(request, response, { status, type: `${type}; charset=utf-8`, text: JSON.stringify(answer) });
}

async function sendRefusal(exchange: StreamExchange, how: Accepted, refusal: RequestRefused): Promise<void> {
  const { status, headers, errors } = answerOfRefusal(refusal, how.type);
  for (const [name, value] of Object.entries(headers)) exchange.response.setHeader(name, value);
  if (status === 401) exchange.response.setHeader("www-authenticate", 'Bearer realm="atrium"');
  const told = {
    errors: errors.map((error, at) => maskError(error, refusal.errors[at] as GraphQLError, exchange.log)),
  };
  // Of an operation's own faults server-sent events tell in an event; the status is for what is wrong with the request.
  const isOperations = status === 200 || status === 400;
  await send(exchange, isOperations ? how : { ...how, onlyEvents: false }, told, status);
}

async function* once(answer: Answer): EventStream {
  yield answer;
}
