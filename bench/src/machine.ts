import { availableParallelism, cpus, loadavg, totalmem } from "node:os";

/** What the figures were measured on. */
export const machine = (): string =>
  [
    `${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? "unknown"})`,
    `${Math.round(totalmem() / 2 ** 30)} GB`,
    `Node ${process.versions.node}`,
    `${process.platform} ${process.arch}`,
  ].join(", ");

/** How many processes wanted a core during the last minute: above the number of cores, figures suffer. */
export const load = (): number => loadavg()[0]!;
