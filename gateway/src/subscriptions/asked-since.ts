import { setImmediate } from "node:timers/promises";

/**
 * Answers with what was asked after the given moment (as `performance.now()` counts), asking anew where nothing was. Those
 * who come while it is asked share the next question, and so do those of one turn of the event loop: nobody gets an answer
 * from before they came, and a burst costs two questions.
 */
export function askedSince<Value>(ask: () => Promise<Value>): (moment: number) => Promise<Value> {
  let latest: { begunAt: number; answer: Promise<Value> } | null = null;
  let next: Promise<Value> | null = null;

  async function begin(): Promise<Value> {
    await latest?.answer.catch(() => {});
    await endOfTurn();
    next = null;
    latest = { begunAt: performance.now(), answer: ask() };
    return latest.answer;
  }

  return (moment) => (latest && latest.begunAt > moment ? latest.answer : (next ??= begin()));
}

let turnEnds: Promise<void> | null = null;

/** One for all: whoever waits for it asks within the same tick, so that thousands of questions go out as one (`AccessSource`). */
function endOfTurn(): Promise<void> {
  turnEnds ??= setImmediate().then(() => {
    turnEnds = null;
  });
  return turnEnds;
}
