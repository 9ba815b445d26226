import { Pool } from "undici";
import { processorMs } from "../process-tree";
import type { RunningContestant } from "./contestants";

export interface Outcome {
  requests: number;
  ms: number;
  /** The measured process's own, user and system. */
  processorMs: number;
  latencies: number[];
}

const connections = 16;

const bodyOf = (query: string) => JSON.stringify({ query });

/** One answer, to compare with the others'. */
export async function answerOf(gateway: RunningContestant, query: string): Promise<unknown> {
  const pool = poolOf(gateway);
  try {
    const { body } = await send(pool, gateway, bodyOf(query));
    return JSON.parse(body);
  } finally {
    await pool.close();
  }
}

/** As many requests as the gateway answers, a fixed number of them waiting at any time. */
export async function asFastAsItAnswers(gateway: RunningContestant, query: string, ms: number): Promise<Outcome> {
  const body = bodyOf(query);
  const latencies: number[] = [];
  return measured(gateway, latencies, async (pool, begun) => {
    const call = async () => {
      while (performance.now() - begun < ms) latencies.push((await send(pool, gateway, body)).ms);
    };
    await Promise.all(Array.from({ length: connections }, call));
  });
}

/** So many requests a second, whether or not the earlier ones are answered: latency counts from when each was due. */
export async function atRate(
  gateway: RunningContestant,
  query: string,
  { ms, everyMs }: { ms: number; everyMs: number },
): Promise<Outcome> {
  const body = bodyOf(query);
  const latencies: number[] = [];
  return measured(gateway, latencies, async (pool, begun) => {
    const running: Promise<unknown>[] = [];
    for (let n = 0; n * everyMs < ms; n++) {
      const due = begun + n * everyMs;
      const left = due - performance.now();
      if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
      running.push(send(pool, gateway, body).then(() => latencies.push(performance.now() - due)));
    }
    await Promise.all(running);
  });
}

/** How long a known operation takes, asked all the time while new ones run, one after the other. */
export async function probesDuring(
  gateway: RunningContestant,
  known: string,
  count: number,
  newOperation: (n: number) => string,
): Promise<number[]> {
  const pool = poolOf(gateway);
  const latencies: number[] = [];
  let isOver = false;
  const probe = async () => {
    while (!isOver) latencies.push((await send(pool, gateway, bodyOf(known))).ms);
  };
  const plan = async () => {
    for (let n = 0; n < count; n++) await send(pool, gateway, bodyOf(newOperation(n)));
    isOver = true;
  };
  try {
    await Promise.all([probe(), plan()]);
    return latencies;
  } finally {
    await pool.close();
  }
}

async function measured(
  gateway: RunningContestant,
  latencies: number[],
  work: (pool: Pool, begun: number) => Promise<void>,
): Promise<Outcome> {
  const pool = poolOf(gateway);
  try {
    const before = processorMs(gateway.processId);
    const begun = performance.now();
    await work(pool, begun);
    const ms = performance.now() - begun;
    return { requests: latencies.length, ms, processorMs: processorMs(gateway.processId) - before, latencies };
  } finally {
    await pool.close();
  }
}

const poolOf = (gateway: RunningContestant) => new Pool(new URL(gateway.url).origin, { connections, pipelining: 1 });

async function send(pool: Pool, gateway: RunningContestant, body: string): Promise<{ body: string; ms: number }> {
  const from = performance.now();
  const answer = await pool.request({
    method: "POST",
    path: new URL(gateway.url).pathname,
    headers: { "content-type": "application/json", accept: "application/json", ...gateway.headers },
    body,
  });
  const text = await answer.body.text();
  if (answer.statusCode !== 200 || !text.startsWith('{"data":{'))
    throw new Error(`${gateway.url} answered ${answer.statusCode}: ${text.slice(0, 300)}`);
  return { body: text, ms: performance.now() - from };
}
