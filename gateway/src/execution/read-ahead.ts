import { EventQueue } from "../subscriptions/event-queue";
import { SubgraphFault, type SubgraphAnswer } from "../subgraphs/transport";

// As many as a service's own topics keep for one subscriber.
const waitingMax = 1_000;

export interface Arriving extends AsyncIterableIterator<SubgraphAnswer> {
  /** When the event that was handed out last had come, as `performance.now()` counts. */
  readonly arrivedAt: number;
}

/**
 * Reads events as they come, so that it is known when each did, and so that those that come faster than they are joined
 * wait here, where their number is bounded. One too many ends them with a fault: what is lost can't be made up for.
 */
export function readAhead(source: AsyncIterableIterator<SubgraphAnswer>, subgraph: string): Arriving {
  const queue = new EventQueue<{ event: SubgraphAnswer; at: number }>(
    waitingMax,
    () => void source.return?.(),
    () => new SubgraphFault(subgraph, "OVERLOADED", `Events of "${subgraph}" came faster than they could be joined.`),
  );
  let arrivedAt = 0;

  async function read(): Promise<void> {
    try {
      for await (const event of source) queue.push({ event, at: performance.now() });
      queue.end();
    } catch (error) {
      queue.fail(error);
    }
  }
  void read();

  return {
    get arrivedAt() {
      return arrivedAt;
    },
    async next() {
      const step = await queue.next();
      if (step.done) return step;
      arrivedAt = step.value.at;
      return { done: false, value: step.value.event };
    },
    async return() {
      await queue.return();
      return { done: true, value: undefined };
    },
    async throw(error) {
      return queue.throw(error) as never;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
