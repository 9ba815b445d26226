import { parseArgs } from "node:util";
import { lag, listDeadLetters, replay, settleDeadLetters, tail, type Say } from "./commands";
import { openInstallation } from "./installation";
import { Refused } from "./refused";

const usage = `npm run events -- COMMAND

  tail [--service S] [--type T]                   shows events as they are published, one JSON envelope a line
  lag                                             how much waits in outboxes, in Kafka and in inboxes
  dead-letters [--service S]                      what could not be handled, and why
  dead-letters retry   --service S (ID … | --all)   puts them back into the inbox
  dead-letters discard --service S (ID … | --all)   forgets them for good
  replay --service S (--type T … | --all) --from TIME
                                                  lets S hear again what has been published since TIME
  replay --service S --afresh --from TIME         the same with everything, once S has taken back what it made of it

TIME is like 2026-11-26T08:00:00Z or 2026-11-26, in UTC. The installation is the one that runs on ATRIUM_DATA (.atrium), or
the one that the services' settings name: DATABASE_ADMIN_URL, KAFKA_BROKERS, ATRIUM_SECRET.`;

/** Runs one command; sets the exit code: 0 when it was done, 2 when it was asked for something it can't do. */
export async function run(argv: readonly string[], say: Say = (line) => void process.stdout.write(`${line}\n`)) {
  try {
    await dispatch(argv, say);
  } catch (error) {
    if (!isMisuse(error)) throw error;
    process.stderr.write(`${(error as Error).message}\n`);
    process.exitCode = 2;
  }
}

const isMisuse = (error: unknown) =>
  error instanceof Refused || String((error as { code?: unknown }).code).startsWith("ERR_PARSE_ARGS");

async function dispatch(argv: readonly string[], say: Say): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      service: { type: "string" },
      type: { type: "string", multiple: true },
      from: { type: "string" },
      all: { type: "boolean" },
      afresh: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  const [command, ...rest] = positionals;
  if (values.help || command === undefined) return say(usage);
  const work = prepared(command, rest, values, say);
  const installation = await openInstallation(process.env);
  try {
    await work(installation);
  } finally {
    await installation.close();
  }
}

type Work = (installation: Awaited<ReturnType<typeof openInstallation>>) => Promise<void>;

interface Values {
  service?: string;
  type?: string[];
  from?: string;
  all?: boolean;
  afresh?: boolean;
}

/** What is asked for, checked before anything is opened. */
function prepared(
  command: string,
  rest: readonly string[],
  { service, type, from, all, afresh }: Values,
  say: Say,
): Work {
  const types = type ?? "EVERY";
  switch (command) {
    case "tail":
      return (installation) => tail(installation, { types, service }, untilStopped(), say);
    case "lag":
      return (installation) => lag(installation, say);
    case "dead-letters": {
      const [what, ...ids] = rest;
      if (what === undefined) return (installation) => listDeadLetters(installation, service, say);
      if (what !== "retry" && what !== "discard") throw new Refused(`There is no "dead-letters ${what}".\n\n${usage}`);
      if (!service) throw new Refused(`Whose dead letters? Add --service S.`);
      if (!all && ids.length === 0) throw new Refused("Which dead letters? Name their ids, or --all.");
      const odd = ids.find((id) => !/^\d{1,18}$/.test(id));
      if (odd) throw new Refused(`"${odd}" isn't the id of a dead letter: npm run events -- dead-letters shows them.`);
      return (installation) => settleDeadLetters(installation, { what, service, ids: all ? "ALL" : ids }, say);
    }
    case "replay": {
      if (!service) throw new Refused("Which service is to hear it again? Add --service S.");
      if (type && afresh) throw new Refused("What is made afresh is made of all events: --afresh goes without --type.");
      if (!type && !all && !afresh) throw new Refused("Which events? Name their types with --type, or --all.");
      const since = new Date(from ?? "");
      if (Number.isNaN(since.getTime()))
        throw new Refused(
          `From when on? --from takes a time like 2026-11-26T08:00:00Z${from ? `, not "${from}"` : ""}.`,
        );
      return (installation) => replay(installation, { service, types, from: since, afresh: afresh === true }, say);
    }
    default:
      throw new Refused(`There is no command "${command}".\n\n${usage}`);
  }
}

function untilStopped(): AbortSignal {
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopping.abort());
  return stopping.signal;
}
