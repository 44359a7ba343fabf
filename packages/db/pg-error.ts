/** What an error of a query says. Drizzle wraps the driver's error in `cause`, so all of these look through the causes. */

/** The code of a Postgres error (SQLSTATE) or of the system (`ECONNREFUSED`), or undefined. */
export function pgCode(error: unknown): string | undefined {
  return property(error, "code");
}

/** The constraint that a failed write broke, or undefined. */
export function brokenConstraint(error: unknown): string | undefined {
  return property(error, "constraint");
}

/** Whether Postgres itself answered, and refused: the connection is sound. */
export function hasSqlState(error: unknown): boolean {
  return property(error, "severity") !== undefined;
}

/** What was to be written cannot be: data exception (class 22) or a broken constraint (class 23). Trying again does not help. */
export function isRefused(error: unknown): boolean {
  return hasSqlState(error) && /^2[23]/.test(pgCode(error) ?? "");
}

/**
 * Classes of SQLSTATE (Postgres manual, appendix A) in which the same may go through later: 08 connection, 40 rolled
 * back (deadlock), 53 no resources (disk full, too many connections), 55 lock not to be had, 57 shut down or cancelled
 * by a time-out, 58 system error; and of class 25 a server that is only read from, and a time-out between statements.
 */
const TRANSIENT = /^(?:08|40|53|55|57|58)|^25(?:006|P03)$/;

/** Whether trying the same again may help. What is no answer of Postgres is trouble with the connection, and so does. */
export function isTransient(error: unknown): boolean {
  const code = pgCode(error);
  if (hasSqlState(error)) return TRANSIENT.test(code ?? "");
  if (code !== undefined) return /^E[A-Z_]+$/.test(code) && !code.startsWith("ERR_INVALID");
  return /Connection terminated|Query read timeout|timeout exceeded when trying to connect|not queryable/.test(
    messages(error),
  );
}

/** Whether a statement took too long or was in another one's way (57014, 55P03, 40P01): a part of it may go through. */
export function isTooMuch(error: unknown): boolean {
  return ["57014", "55P03", "40P01"].includes(pgCode(error) ?? "") || /Query read timeout/.test(messages(error));
}

function property(error: unknown, name: "code" | "constraint" | "severity"): string | undefined {
  for (let e = error; e instanceof Error; e = e.cause) {
    const value = (e as { [key in typeof name]?: unknown })[name];
    if (typeof value === "string") return value;
  }
  return undefined;
}

function messages(error: unknown): string {
  const all: string[] = [];
  for (let e = error; e instanceof Error; e = e.cause) all.push(e.message);
  return all.join(" ");
}
