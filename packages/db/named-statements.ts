/**
 * Statements that come again and again are sent under a name, so that Postgres parses each of them once a connection
 * and need not plan it anew each time: over a partitioned table planning takes longer than looking up a few rows.
 */
import type pg from "pg";

/** A text that has come so often comes again; those that are made up for one call never get a name. */
const NAMED_FROM = 3;
/** Each name costs memory in every connection. */
const MAX_NAMES = 300;
const MAX_TEXTS = 2_000;
/**
 * A plan is made for the sizes that the tables have at that moment, and Postgres keeps it until they are next analysed,
 * a minute later or never. What was right for an empty ledger must not be in use for long when it fills up.
 */
const PLANS_KEPT_MS = 10_000;

const counts = new Map<string, number>();
const names = new Map<string, string>();

/** From now on this connection names what comes often. Only statements with parameters: the others are few or rare. */
export function nameStatements(client: pg.ClientBase, now: () => number = () => performance.now()): void {
  const query = client.query.bind(client) as (...args: unknown[]) => unknown;
  let plannedAt = now();
  const naming = (config: unknown, ...rest: unknown[]): unknown => {
    const name = isParametrised(config, rest[0]) ? nameOf(config.text) : undefined;
    if (name === undefined) return query(config, ...rest);
    if (now() - plannedAt > PLANS_KEPT_MS) {
      plannedAt = now();
      // Fails where the transaction has failed; so does what comes next, and whoever sent that is told.
      query("discard plans", () => undefined);
    }
    return query({ ...(config as object), name }, ...rest);
  };
  client.query = naming as typeof client.query;
}

function isParametrised(config: unknown, values: unknown): config is { text: string } {
  if (typeof config !== "object" || config === null || !("text" in config) || typeof config.text !== "string")
    return false;
  const given = "values" in config ? config.values : values;
  return !("name" in config && config.name) && Array.isArray(given) && given.length > 0;
}

function nameOf(text: string): string | undefined {
  const known = names.get(text);
  if (known !== undefined || names.size >= MAX_NAMES) return known;
  const count = (counts.get(text) ?? 0) + 1;
  if (count < NAMED_FROM) {
    if (counts.size >= MAX_TEXTS) counts.clear();
    counts.set(text, count);
    return undefined;
  }
  counts.delete(text);
  const name = `belfry_${names.size + 1}`;
  names.set(text, name);
  return name;
}
