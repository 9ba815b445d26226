import type { Handle } from "@atrium/database";
import { erasureDue, exportRequested, handle, type TypeConsumer } from "@atrium/events";
import { enqueue, type Job } from "@atrium/jobs";
import { erasePerson, type Erasure } from "./erase";
import { exportPerson, type Export, type ExportTools } from "./export";

/** What a service says of itself. */
export interface HeldNoun {
  readonly noun: string;
  /** What it holds of people; null where it is nothing. */
  readonly holds: string | null;
}

/** How a service answers for the people whose data it holds. `startSubgraph` doesn't start one that can't. */
export interface AnswersForPeople {
  readonly nouns: readonly HeldNoun[];
}

interface EventContext {
  db: Pick<Handle, "sql">;
}

export interface PersonalDataService extends AnswersForPeople {
  /** To be among the service's consumers. */
  readonly consumers: readonly TypeConsumer<EventContext>[];
  /** To be among the tasks of the service's jobs. */
  readonly tasks: {
    exportPersonalData(payload: Export, job: Pick<Job, "signal">): Promise<void>;
    erasePersonalData(payload: Erasure): Promise<void>;
  };
}

// Privacy asks again before a job would have used up more.
const maxAttempts = 5;

/** How a service takes part in exports and erasures: it hears what privacy asks for, and a job of its own does it. */
export function answerForPeople<Client>(tools: ExportTools<Client>): PersonalDataService {
  const { service, held } = tools;
  return {
    nouns: Object.entries(held).map(([noun, data]) => ({ noun, holds: "holds" in data ? data.holds : null })),
    consumers: [
      handle(
        exportRequested,
        async ({ db }: EventContext, { services, exportId, userId, categories, attempt }) => {
          if (!services.includes(service)) return;
          const key = `personal-data:${exportId}`;
          await enqueue(
            db,
            "exportPersonalData",
            { exportId, userId, categories, attempt },
            { key, queue: key, maxAttempts },
          );
        },
        { as: "service" },
      ),
      handle(
        erasureDue,
        async ({ db }: EventContext, { services, erasureId, userId, attempt }) => {
          if (!services.includes(service)) return;
          const key = `personal-data:${erasureId}`;
          await enqueue(db, "erasePersonalData", { erasureId, userId, attempt }, { key, queue: key, maxAttempts });
        },
        { as: "service" },
      ),
    ],
    tasks: {
      exportPersonalData: (payload, { signal }) => exportPerson(tools, payload, signal),
      erasePersonalData: (payload) => erasePerson(tools, payload),
    },
  };
}
