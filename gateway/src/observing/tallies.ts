import { Counter, type CounterConfiguration, type Metric, type Registry } from "prom-client";

// Counters and histograms of prom-client's registry that cost little: the library puts the labels together as text at
// each observation, these find a series by the labels' values one after the other. A request is counted a dozen times.

interface Series<Value> {
  labels: readonly string[];
  value: Value;
}

class SeriesByLabels<Value> {
  readonly all: Series<Value>[] = [];
  readonly #first = new Map<string, unknown>();

  constructor(private readonly make: () => Value) {}

  at(labels: readonly string[]): Value {
    let level = this.#first;
    const last = labels.length - 1;
    for (let i = 0; i < last; i++) {
      let next = level.get(labels[i]!) as Map<string, unknown> | undefined;
      if (!next) level.set(labels[i]!, (next = new Map()));
      level = next;
    }
    const known = level.get(labels[last]!) as Series<Value> | undefined;
    if (known) return known.value;
    const series = { labels: [...labels], value: this.make() };
    level.set(labels[last]!, series);
    this.all.push(series);
    return series.value;
  }
}

interface Named {
  name: string;
  help: string;
  labelNames: readonly string[];
  registers: readonly Registry[];
}

/** Counts by labels; the values of `labels` stand in the order of `labelNames`. */
export function tally({ name, help, labelNames, registers }: Named): (...labels: string[]) => void {
  const counted = new SeriesByLabels(() => ({ sinceTold: 0 }));
  new Counter({
    name,
    help,
    labelNames: [...labelNames],
    registers: [...registers],
    collect() {
      for (const { labels, value } of counted.all) {
        if (value.sinceTold > 0) this.inc(named(labelNames, labels), value.sinceTold);
        value.sinceTold = 0;
      }
    },
  } satisfies CounterConfiguration<string>);
  return (...labels) => void counted.at(labels).sinceTold++;
}

interface Distribution {
  /** Of each bucket alone, that beyond the last bound included. */
  counts: number[];
  sum: number;
}

/** Counts durations by buckets and labels. `seconds` are the buckets' upper bounds. */
export function timings({ name, help, labelNames, registers, seconds }: Named & { seconds: readonly number[] }) {
  const observed = new SeriesByLabels<Distribution>(() => ({
    counts: new Array<number>(seconds.length + 1).fill(0),
    sum: 0,
  }));
  const values = () =>
    observed.all.flatMap(({ labels, value: { counts, sum } }) => {
      const own = named(labelNames, labels);
      let count = 0;
      const buckets = counts.map((each, at) => ({
        metricName: `${name}_bucket`,
        labels: { le: seconds[at] ?? "+Inf", ...own },
        value: (count += each),
      }));
      return [
        ...buckets,
        ...[["sum", sum] as const, ["count", count] as const].map(([what, value]) => ({
          metricName: `${name}_${what}`,
          labels: own,
          value,
        })),
      ];
    });
  const metric = {
    name,
    help,
    get: async () => ({ name, help, type: "histogram", aggregator: "sum", values: values() }),
  };
  // What the registry asks of a metric is `get`; its type names the library's own classes.
  for (const registry of registers) registry.registerMetric(metric as unknown as Metric);
  return (took: number, ...labels: string[]): void => {
    const distribution = observed.at(labels);
    let at = 0;
    while (at < seconds.length && took > seconds[at]!) at++;
    distribution.counts[at]!++;
    distribution.sum += took;
  };
}

const named = (names: readonly string[], values: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.map((name, at) => [name, values[at]!]));
