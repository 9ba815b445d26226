import { appendEvent, erasureCompleted, erasureDue } from "@atrium/events";
import type { Context, Tx } from "../context";
import { lastService, nextServices, type ErasedNoun, type Erasure } from "./erasure";
import {
  deleteExpiredCodes,
  insertParts,
  listDue,
  listParts,
  listWaiting,
  lockErasure,
  saveAsked,
  saveErased,
  saveErasure,
  saveMissing,
} from "./store";

const batch = 50;

/** Begins the erasures whose time has come, asks services again that haven't answered, and gives those up at last. */
export async function tendErasures({
  database,
  now,
  settings,
  askedServices,
  closeAccount,
  log,
}: Pick<Context, "database" | "now" | "settings" | "askedServices" | "closeAccount" | "log">): Promise<void> {
  const service = database.asService();
  await deleteExpiredCodes(service, now());
  for (const { id, userId } of await listDue(service, now(), batch)) {
    // First of all, so that nothing new of them comes while the services erase. It can't be cancelled any more.
    try {
      await closeAccount(userId);
    } catch (error) {
      log.warn({ err: error, erasureId: id }, "An account couldn't be closed to be erased; it is tried again.");
      continue;
    }
    await service.transaction(async (tx) => {
      const erasure = await lockErasure(tx, id);
      if (erasure?.status !== "SCHEDULED" || erasure.dueAt > now()) return;
      await saveErasure(tx, { ...erasure, status: "DUE" });
      await insertParts(tx, erasure, askedServices);
      const first = askedServices.filter((name) => name !== lastService);
      await ask(tx, erasure, first, { attempt: 1, now: now() });
    });
  }

  const askedBefore = new Date(now().getTime() - settings.PRIVACY_ANSWER_MINUTES * 60_000);
  for (const id of await listWaiting(service, askedBefore, batch))
    await service.transaction(async (tx) => {
      const erasure = await lockErasure(tx, id);
      if (erasure?.status !== "DUE") return;
      const late = (await listParts(tx, id)).filter(
        ({ status, askedAt }) => status === "WAITING" && askedAt !== null && askedAt < askedBefore,
      );
      const isLast = ({ attempt }: { attempt: number }) => attempt >= settings.PRIVACY_ANSWER_ATTEMPTS;
      const missing = late.filter(isLast).map(({ service: name }) => name);
      const again = late.filter((part) => !isLast(part));
      if (missing.length > 0) {
        log.error({ erasureId: id, services: missing }, "Services didn't answer for a person's erasure.");
        await saveMissing(tx, id, missing);
      }
      if (again.length > 0) {
        const attempt = Math.max(...again.map((part) => part.attempt)) + 1;
        const services = again.map(({ service: name }) => name);
        await ask(tx, erasure, services, { attempt, now: now() });
      }
      await goOn(tx, erasure, now());
    });
}

/** Takes a service's answer. One that has answered changes nothing by answering again; a late answer still counts. */
export async function receiveErasedPart(
  { db, now }: Pick<Context, "db" | "now">,
  { erasureId, userId, service, nouns }: { erasureId: string; userId: string; service: string; nouns: ErasedNoun[] },
): Promise<void> {
  await db.transaction(async (tx) => {
    const erasure = await lockErasure(tx, erasureId);
    if (!erasure || erasure.userId !== userId) return;
    const isNew = await saveErased(tx, erasureId, { service, nouns, answeredAt: now() });
    if (isNew && erasure.status === "DUE") await goOn(tx, erasure, now());
  });
}

/** Asks whose turn it is, or closes the erasure, once nobody is waited for. */
async function goOn(tx: Tx, erasure: Erasure, now: Date): Promise<void> {
  const parts = await listParts(tx, erasure.id);
  if (parts.some(({ status }) => status === "WAITING")) return;
  const next = nextServices(parts);
  if (next.length > 0) return ask(tx, erasure, next, { attempt: 1, now });
  await saveErasure(tx, { ...erasure, status: "COMPLETED", endedAt: now });
  const { id: erasureId, userId } = erasure;
  const missing = parts.filter(({ status }) => status === "MISSING").map(({ service }) => service);
  await appendEvent(tx, erasureCompleted({ erasureId, userId, missing }));
}

async function ask(
  tx: Tx,
  { id: erasureId, userId }: Erasure,
  services: readonly string[],
  { attempt, now }: { attempt: number; now: Date },
): Promise<void> {
  await saveAsked(tx, erasureId, services, now);
  await appendEvent(tx, erasureDue({ erasureId, userId, services: [...services], attempt }));
}
