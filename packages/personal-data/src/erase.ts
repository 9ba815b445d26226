import type { Database, Handle } from "@atrium/database";
import { appendEvent, personalDataErasedOf } from "@atrium/events";
import type { Held } from "./held";

export interface Erasure {
  erasureId: string;
  userId: string;
  attempt: number;
}

export interface ErasureTools<Client> {
  service: string;
  held: Held<Client>;
  database: Database<Client>;
  emailsOf(userId: string): Promise<string[]>;
  now(): Date;
}

interface ErasedNoun {
  noun: string;
  erased: number;
  retained: number;
  law: string | null;
}

/** What every service keeps of somebody it has erased: see `schema.ts`. */
const tombstone: ErasedNoun = {
  noun: "erased-person",
  erased: 0,
  retained: 1,
  law: "Art. 5 (2) and 17 (1) GDPR: the id alone, so that the erasure holds against messages that come late.",
};

const timeoutMs = 10 * 60_000;

/**
 * Erases what the service holds of a person, all of it in one transaction with the answer. Asked again, it gives the
 * same answer and changes nothing.
 */
export async function erasePerson<Client>(
  { service, held, database, emailsOf, now }: ErasureTools<Client>,
  { erasureId, userId, attempt }: Erasure,
): Promise<void> {
  const announce = personalDataErasedOf(service);
  const emails = await emailsOf(userId);
  await database.asService({ userId }).transaction(
    async (db) => {
      const at = now();
      const nouns = (await recordErasure(db, { erasureId, userId, at })) ?? (await eraseAll(db));
      await appendEvent(db, announce({ erasureId, userId, attempt, nouns }));

      async function eraseAll(tx: Handle<Client>): Promise<ErasedNoun[]> {
        const erased: ErasedNoun[] = [];
        for (const [noun, data] of Object.entries(held)) {
          if ("holdsNothing" in data) continue;
          const { erased: count, retained = 0, law = null } = await data.erase({ userId, emails, db: tx, now: at });
          if (retained > 0 && law === null) throw new Error(`${service} retains ${noun} and doesn't say by which law.`);
          erased.push({ noun, erased: count, retained, law });
        }
        const all = [...erased, tombstone];
        await tx.sql("update erased_person set nouns = $2::jsonb where user_id = $1", [userId, JSON.stringify(all)]);
        return all;
      }
    },
    { timeoutMs },
  );
}

// Whoever writes something of a person shares this lock of theirs until its commit, and an erasure has it alone: it sees
// what was written before, and what is written later sees it.
const lockOf = (userId: string) => `hashtextextended('erased person ' || ${userId}, 0)`;

/** Notes that the person is being erased. What was answered then, when they have been erased before. */
async function recordErasure(
  db: Pick<Handle, "sql">,
  { erasureId, userId, at }: { erasureId: string; userId: string; at: Date },
): Promise<ErasedNoun[] | null> {
  await db.sql(`select pg_advisory_xact_lock(${lockOf("$1::text")})`, [userId]);
  const inserted = await db.sql(
    `insert into erased_person (user_id, erasure_id, erased_at, nouns) values ($1, $2, $3, '[]')
     on conflict (user_id) do nothing returning user_id`,
    [userId, erasureId, at],
  );
  if (inserted.length > 0) return null;
  const [before] = await db.sql<{ nouns: ErasedNoun[] }>("select nouns from erased_person where user_id = $1", [
    userId,
  ]);
  return before!.nouns;
}

/** Whether this service has erased the person: what still arrives of them changes nothing. */
export const isErased = async (db: Pick<Handle, "sql">, userId: string): Promise<boolean> =>
  (await erasedAmong(db, [userId])).has(userId);

/** Which of these people this service has erased. Until the end of the transaction it erases no other of them. */
export async function erasedAmong(db: Pick<Handle, "sql">, userIds: readonly string[]): Promise<Set<string>> {
  if (userIds.length === 0) return new Set();
  await db.sql(`select pg_advisory_xact_lock_shared(${lockOf("id")}) from unnest($1::text[]) as id`, [userIds]);
  const rows = await db.sql<{ id: string }>("select user_id as id from erased_person where user_id = any ($1)", [
    userIds,
  ]);
  return new Set(rows.map(({ id }) => id));
}
