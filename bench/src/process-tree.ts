import { readFileSync, readdirSync } from "node:fs";

interface Process {
  id: number;
  parent: number;
  command: string;
}

/** The memory of a process and of those it has started, PostgreSQL's left out. Linux alone tells it so. */
export function residentBytes(id: number): { bytes: number; processes: number } {
  const tree = treeOf(id, everyProcess()).filter(({ command }) => !/postgres/.test(command));
  return { bytes: tree.reduce((sum, each) => sum + residentBytesOf(each.id), 0), processes: tree.length };
}

/** The processor time that a process and all it has started have used, PostgreSQL and what has ended included. */
export const processorMsOfTree = (id: number): number =>
  treeOf(id, everyProcess()).reduce((sum, each) => sum + ticksOf(each.id, [11, 12, 13, 14]), 0) * msPerTick;

/** The processor time that a process itself has used. */
export const processorMs = (id: number): number => ticksOf(id, [11, 12]) * msPerTick;

// In user and system mode; then the same of the processes that it had started and that have ended.
function ticksOf(id: number, fields: readonly number[]): number {
  const stat = statOf(id);
  return stat ? fields.reduce((sum, field) => sum + Number(stat[field]), 0) : 0;
}

const msPerTick = 10;

function treeOf(id: number, all: readonly Process[]): Process[] {
  const self = all.filter((each) => each.id === id);
  return [...self, ...all.filter(({ parent }) => parent === id).flatMap((child) => treeOf(child.id, all))];
}

const everyProcess = (): Process[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const fields = statOf(Number(name));
      const command = read(`/proc/${name}/cmdline`)?.replaceAll("\0", " ");
      return fields && command !== undefined ? [{ id: Number(name), parent: Number(fields[1]), command }] : [];
    });

// Behind the command's name, which is in parentheses and may hold anything: state, parent, …
function statOf(id: number): string[] | null {
  const stat = read(`/proc/${id}/stat`);
  return stat === null ? null : stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

const residentBytesOf = (id: number): number =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${id}/status`) ?? "")?.[1] ?? 0) * 1_024;

function read(file: string): string | null {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return null; // It has just ended.
  }
}
