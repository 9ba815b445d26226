import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { isAlive } from "@atrium/database/local";
import { eventually } from "../ledger";
import { faults, freezeBroker, freezeWorker, type Fault } from "./faults";
import { runChaos, type Row } from "./run";
import { openWorld } from "./world";

// The long form of the crash tests: `npm run test:chaos [-- ROUNDS]`. Prints what was killed and what was counted.

const diskMegabytes = 160;

/** A disk for the broker that is small enough to be filled; null where this user may not make one. */
function smallDisk(): { directory: string; remove(): void } | null {
  const directory = mkdtempSync(path.join(tmpdir(), "atrium-disk-"));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${diskMegabytes}m`, "tmpfs", directory]).status === 0;
  const remove = () => {
    if (mounted) spawnSync("umount", ["-l", directory]);
    rmSync(directory, { recursive: true, force: true });
  };
  if (mounted) return { directory, remove };
  remove();
  return null;
}

const fillDisk = (directory: string): Fault => ({
  what: "the broker's disk, full until it gave up",
  async happens(world) {
    const filler = path.join(directory, "filler");
    const { bavail, bsize } = statfsSync(directory);
    try {
      writeFileSync(filler, Buffer.alloc(Math.max(0, bavail * bsize - 100_000)));
    } catch (error) {
      // The broker has taken what was left meanwhile: as full as it can be.
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    }
    await eventually(
      async () => isAlive(world.kafka.pid()),
      (alive) => !alive,
      120_000,
    );
    await wait(3_000);
    rmSync(filler);
    await world.kafka.start();
  },
});

async function main(rounds: number) {
  const disk = smallDisk();
  if (!disk) console.log("A full disk isn't tried: only root may mount a small one.");
  const world = await openWorld({ kafkaData: disk && path.join(disk.directory, "data") });
  try {
    const long = [freezeBroker(30_000), freezeWorker(20_000), ...(disk ? [fillDisk(disk.directory)] : [])];
    const all = Array.from({ length: rounds }, () => [...faults, ...long]).flat();
    console.log(`${"killed".padEnd(48)}${"handled before".padStart(16)}${"more after".padStart(12)}`);
    const say = ({ what, handledBefore, secondsUntilMore }: Row) =>
      console.log(
        what.padEnd(48) + String(handledBefore).padStart(16) + `${secondsUntilMore.toFixed(1)} s`.padStart(12),
      );
    const { disorder, ...counted } = await runChaos(world, all, say);
    console.log(
      `\n${Object.entries(counted)
        .map(([name, count]) => `${name} ${count}`)
        .join(", ")}`,
    );
    for (const place of disorder) console.log(place);
    const { lost, doubled, disordered, deadLetters } = counted;
    process.exitCode = lost + doubled + disordered + deadLetters > 0 ? 1 : 0;
  } finally {
    await world.close();
    disk?.remove();
  }
}

main(Number(process.argv[2] ?? 1)).catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
