import { LRUCache } from "lru-cache";

/** What each caller's operations may cost within a minute, which begins with the first of them. */
export interface Budget {
  /** Spends `cost` of what `callerKey` has left, if there is as much. */
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

/** Accounts kept by this process alone. One for everything that it serves, or a caller would have a budget at each. */
export function localBudget(costPerMinuteMax: number): Budget {
  const accounts = new LRUCache<string, { endsAt: number; spent: number }>({ max: callersMax });

  function accountOf(callerKey: string, now: number) {
    let account = accounts.get(callerKey);
    if (!account || account.endsAt <= now) accounts.set(callerKey, (account = { endsAt: now + minuteMs, spent: 0 }));
    return account;
  }

  return {
    spend(callerKey, cost) {
      const now = Date.now();
      const account = accountOf(callerKey, now);
      if (account.spent + cost > costPerMinuteMax)
        return { allowed: false, retryAfterSeconds: Math.ceil((account.endsAt - now) / 1_000) };
      account.spent += cost;
      return { allowed: true, correct: (difference) => void (account.spent += difference) };
    },
    add(callerKey, cost) {
      accountOf(callerKey, Date.now()).spent += cost;
    },
  };
}
