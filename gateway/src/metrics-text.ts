/**
 * Several registries' texts as one. Prometheus wants all series of a metric together under one HELP and TYPE, and
 * services that share a process name theirs alike.
 */
export function mergeMetrics(texts: readonly string[]): string {
  const families = new Map<string, { head: string[]; series: string[] }>();
  for (const text of texts) {
    let family: { head: string[]; series: string[] } | undefined;
    for (const line of text.split("\n")) {
      if (line === "") continue;
      const [, name] = /^# (?:HELP|TYPE) (\S+)/.exec(line) ?? [];
      if (name !== undefined) {
        family = families.get(name) ?? { head: [], series: [] };
        families.set(name, family);
        // HELP comes first: a second one of the same metric adds nothing.
        const kind = line.slice(2, 6);
        if (!family.head.some((known) => known.slice(2, 6) === kind)) family.head.push(line);
      } else family?.series.push(line);
    }
  }
  return [...families.values()].flatMap(({ head, series }) => [...head, ...series]).join("\n") + "\n";
}
