const DAY_MS = 24 * 60 * 60 * 1000;
/** A server that asks for more is asked again after this, and may say so again. */
export const RETRY_AFTER_MAX_MS = DAY_MS;

/** IMF-fixdate, and the two obsolete forms that a recipient has to accept as well (RFC 9110, section 5.6.7). */
const HTTP_DATES = [
  /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/,
  /^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/,
  /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/,
];

/**
 * How long a server wants to be left alone from `now` on, in milliseconds, at most a day: its `Retry-After` header in
 * seconds or as an HTTP date (RFC 9110, section 10.2.3). Null if it does not say, speaks of the past or makes no sense.
 */
export function readRetryAfter(header: string | string[] | undefined, now: Date): number | null {
  const text = String(header).trim();
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : readHttpDate(text) - now.getTime();
  return ms >= 0 ? Math.min(ms, RETRY_AFTER_MAX_MS) : null;
}

/** NaN if it is none. `Date.parse` alone takes "-5" for a date, and a date without a zone for local time. */
function readHttpDate(text: string): number {
  if (!HTTP_DATES.some((form) => form.test(text))) return Number.NaN;
  return Date.parse(text.endsWith(" GMT") ? text : `${text} GMT`);
}
