/** One line of the table. */
export interface Figure {
  what: string;
  value: string;
  /** What is to be reached, and whether it was; left out where a figure only explains another. */
  reach?: { target: string; met: boolean };
}

/** A group of figures. `say` tells what is being done. */
export type Measure = (say: (text: string) => void) => Promise<Figure[]>;

/** `reach("< 50 ms", 31, (p95) => p95 < 50)` reads less well than its result: the target, and whether it was met. */
export const below = (limit: number, unit: string, value: number) => ({
  target: `< ${limit} ${unit}`,
  met: value < limit,
});
export const atLeast = (limit: number, unit: string, value: number) => ({
  target: `≥ ${limit}${unit}`,
  met: value >= limit,
});

/** A Markdown table, which reads well as it is too. */
export function tableOf(figures: readonly Figure[]): string {
  const rows = figures.map(({ what, value, reach }) => [
    what,
    value,
    reach?.target ?? "",
    reach ? (reach.met ? "yes" : "NO") : "",
  ]);
  const all = [["what", "value", "reach", "reached"], ...rows];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const line = (row: readonly string[]) => `| ${row.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  return [line(all[0]!), `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`, ...rows.map(line)].join("\n");
}
