import { LRUCache } from "lru-cache";

/** What each caller's operations may cost within a minute of the clock. */
export interface Budget {
  /** Spends `cost` of what `callerKey` has left of this minute, if there is as much. */
  spend(callerKey: string, cost: number): Promise<Spending> | Spending;
  /** Spends what can't be refused any more. */
  add(callerKey: string, cost: number): void;
}

export type Spending =
  | {
      allowed: true;
      /** Takes back, or adds to, what was spent, of the minute in which it was. */
      correct(difference: number): void;
    }
  | { allowed: false; retryAfterSeconds: number };

const minuteMs = 60_000;
const callersMax = 100_000;

export const secondsLeft = (now: number): number => Math.ceil((minuteMs - (now % minuteMs)) / 1_000);
export const minuteOf = (now: number): number => Math.floor(now / minuteMs);

/** Accounts kept by this process alone. One for everything that it serves, or a caller would have a budget at each. */
export function localBudget(costPerMinuteMax: number): Budget {
  const accounts = new LRUCache<string, { minute: number; spent: number }>({ max: callersMax });

  function accountOf(callerKey: string, now: number) {
    const minute = minuteOf(now);
    let account = accounts.get(callerKey);
    if (account?.minute !== minute) accounts.set(callerKey, (account = { minute, spent: 0 }));
    return account;
  }

  return {
    spend(callerKey, cost) {
      const now = Date.now();
      const account = accountOf(callerKey, now);
      if (account.spent + cost > costPerMinuteMax) return { allowed: false, retryAfterSeconds: secondsLeft(now) };
      account.spent += cost;
      return { allowed: true, correct: (difference) => void (account.spent += difference) };
    },
    add(callerKey, cost) {
      accountOf(callerKey, Date.now()).spent += cost;
    },
  };
}
