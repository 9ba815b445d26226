import type { AcceptedQuestion } from "./context";

interface Options {
  atOnce: number;
  answer(question: AcceptedQuestion): Promise<void>;
  /** The question is answered later, by its job. */
  onFailure(question: AcceptedQuestion, error: unknown): void;
}

/** The answers that this process works on: those of one conversation in order, so many at once, the rest waiting. */
export function answersUnderWay({ atOnce, answer, onFailure }: Options) {
  const waiting: AcceptedQuestion[] = [];
  const busy = new Set<string>();
  let running = 0;
  let stopped = false;
  let whenIdle: (() => void) | null = null;

  function next(): void {
    while (running < atOnce) {
      const index = waiting.findIndex(({ conversationId }) => !busy.has(conversationId));
      if (index < 0) break;
      const [question] = waiting.splice(index, 1);
      void run(question!);
    }
    if (running === 0) whenIdle?.();
  }

  async function run(question: AcceptedQuestion): Promise<void> {
    running++;
    busy.add(question.conversationId);
    try {
      await answer(question);
    } catch (error) {
      onFailure(question, error);
    }
    busy.delete(question.conversationId);
    running--;
    next();
  }

  return {
    soon(question: AcceptedQuestion): void {
      if (stopped) return;
      waiting.push(question);
      next();
    },
    waiting: () => waiting.length,
    /** Lets running answers end. Those that wait are left to their jobs. */
    async stop(): Promise<void> {
      stopped = true;
      waiting.length = 0;
      if (running > 0) await new Promise<void>((resolve) => (whenIdle = resolve));
    },
  };
}
