import type { Priority } from "@belfry/contract/states.ts";

/** An account's messages in a pool that go before everybody's backlog: so many at once, and so many a second. */
const BURST = 100;
const PER_SECOND = 100;
/** Who has sent far too many is back among the others this many messages' time after the last of them. */
const MAX_EXCESS = 1_000;
/** A crowd's places are taken to be served at this rate; what really happens only the queue knows. */
const SERVED_PER_SECOND = 1_000;

/** BullMQ serves lower numbers first, what has none (0) before all, and knows none beyond 2 to the power of 21. */
const CLASS: Record<Priority, number> = { critical: 0, high: 1, medium: 2, low: 3, background: 4 };
const CLASSES = 5;

/** Whether a place is in the slow lanes, among those of a crowd. */
export const isSlow = (place: number): boolean => place >= CLASSES;
const PLACES = 400_000;
const MAX_ACCOUNTS = 10_000;

export type Lanes = {
  /** The BullMQ priority of an account's next message. */
  place(message: { pool: string; accountId: string; priority: Priority }): number;
};

type Account = { level: number; place: number; at: number };

/**
 * Where messages are put in, so that one account's crowd does not stand before everybody else. Up to `PER_SECOND` an
 * account's messages go the fast lane, in the order of their priorities. All that comes while it is beyond goes to the
 * slow lanes, which are served when the fast one is empty: one for each priority, and in each the n-th of one
 * account's crowd comes beside the n-th of another's. `now` is a monotonic clock in milliseconds.
 */
export function createLanes(now: () => number = () => performance.now()): Lanes {
  const pools = new Map<string, Map<string, Account>>();
  return {
    place({ pool, accountId, priority }) {
      const account = accountIn(pools, pool, accountId, now());
      if (account.level < BURST) {
        account.level += 1;
        return CLASS[priority];
      }
      account.level = Math.min(account.level + 1, BURST + MAX_EXCESS);
      account.place = Math.min(account.place + 1, PLACES);
      return CLASSES + CLASS[priority] * PLACES + Math.ceil(account.place) - 1;
    },
  };
}

/** As it is by now: both of its counts have gone down since. */
function accountIn(pools: Map<string, Map<string, Account>>, pool: string, id: string, now: number): Account {
  let accounts = pools.get(pool);
  if (!accounts || accounts.size > MAX_ACCOUNTS) {
    if (pools.size > MAX_ACCOUNTS) pools.clear();
    accounts = new Map();
    pools.set(pool, accounts);
  }
  const account = accounts.get(id) ?? { level: 0, place: 0, at: now };
  accounts.set(id, account);
  const seconds = (now - account.at) / 1_000;
  account.at = now;
  account.level = Math.max(0, account.level - seconds * PER_SECOND);
  account.place = Math.max(0, account.place - seconds * SERVED_PER_SECOND);
  return account;
}
