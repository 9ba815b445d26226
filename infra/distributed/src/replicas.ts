import { StartRefused } from "@atrium/embedded/refusals";
import { services } from "@atrium/embedded/services";

const replicasMax = 16;

export const gateway = "gateway";

/** How many processes of each part there are to be: of `--replicas knowledge=2,chat=3` and one of all others. */
export function readReplicas(args: readonly string[]): Map<string, number> {
  const replicas = new Map([...Object.keys(services), gateway].map((name) => [name, 1]));
  for (let i = 0; i < args.length; i++) {
    const [option, inline] = args[i]!.split(/=(.*)/s, 2);
    if (option !== "--replicas") throw refused(args[i]!);
    const given = inline ?? args[++i] ?? "";
    for (const entry of given.split(",")) {
      const [, name = "", count] = /^([a-z]+)=(\d+)$/.exec(entry) ?? [];
      if (!replicas.has(name) || Number(count) < 1 || Number(count) > replicasMax) throw refused(entry || option);
      replicas.set(name, Number(count));
    }
  }
  return replicas;
}

const refused = (what: string) =>
  new StartRefused(
    `What is "${what}"? Write --replicas knowledge=2,chat=3: so many processes (1 to ${replicasMax}) of ` +
      `${new Intl.ListFormat("en-GB", { type: "disjunction" }).format([...Object.keys(services), gateway])}.`,
  );
