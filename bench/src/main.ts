import { answers } from "./answers";
import { audit } from "./audit";
import { dashboard } from "./dashboard";
import { events } from "./events";
import { eventsOverKafka } from "./events-kafka";
import { gateway } from "./gateway";
import { gatewayEndurance } from "./gateway/endurance";
import { gatewayObserving } from "./gateway/observing";
import { ingestion } from "./ingestion";
import { load, machine } from "./machine";
import { memory } from "./memory";
import { ranking } from "./ranking";
import { restart } from "./restart";
import { rowLevelSecurity } from "./row-level-security";
import { search } from "./search";
import { tableOf, type Figure, type Measure } from "./table";

const measures: Record<string, Measure> = {
  rls: rowLevelSecurity,
  search,
  ranking,
  ingestion,
  restart,
  answers,
  memory,
  events,
  "events-kafka": eventsOverKafka,
  dashboard,
  audit,
  gateway,
  "gateway-endurance": gatewayEndurance,
  "gateway-observing": gatewayObserving,
};

// One after the other: two at once would measure each other.
async function main(names: readonly string[]): Promise<void> {
  const unknown = names.filter((name) => !Object.hasOwn(measures, name));
  if (unknown.length > 0) {
    console.error(`There is no measure ${unknown.join(", ")}. There are: ${Object.keys(measures).join(", ")}.`);
    process.exitCode = 1;
    return;
  }
  const figures: Figure[] = [];
  const loads: number[] = [];
  // What a measure waits for may be a child process that alone would keep nobody from ending.
  const staying = setInterval(() => {}, 60_000);
  for (const name of names.length > 0 ? names : Object.keys(measures)) {
    loads.push(load());
    figures.push(...(await measures[name]!((text) => console.error(`• ${name}: ${text}`))));
  }
  clearInterval(staying);
  console.log(`\n${machine()}; load before each measure ${loads.map((each) => each.toFixed(1)).join(", ")}\n`);
  console.log(tableOf(figures));
}

void main(process.argv.slice(2));
