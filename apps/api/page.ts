import { z } from "zod";

/** What the documentation says of every list. */
export const LIST_DESCRIPTION =
  'At most `limit` at once, 50 unless told otherwise. The next page, if there is one, is named in the `Link` header (`rel="next"`).';

/** `limit` of a list. */
export const limit = wholeNumber(1, 100).default(50);

/** A whole number in a query string, where everything is text. */
export function wholeNumber(min: number, max: number) {
  return z.preprocess((text, context) => {
    const number = typeof text === "string" && /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (number >= min && number <= max) return number;
    const code = number > max ? "too_big" : number < min ? "too_small" : "invalid_type";
    const message = `must be a whole number from ${min} to ${max}`;
    context.addIssue({ code: "custom", input: text, message, params: { code } });
    return z.NEVER;
  }, z.int().min(min).max(max));
}

/** `true` or `false` in a query string. */
export const flag = z.preprocess(
  (text) => (text === "true" ? true : text === "false" ? false : text),
  z.boolean("must be true or false"),
);

/**
 * The rows of a page, of which one more than `limit` were read to see whether there is a next one; that is then named
 * in a `Link` header, with all other query parameters as they are.
 */
export function page<Row>(
  request: { url: string },
  reply: { header(name: string, value: string): unknown },
  { rows, limit, cursorOf }: { rows: Row[]; limit: number; cursorOf: (row: Row) => string },
): Row[] {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  if (rows.length > limit && last !== undefined) {
    const next = new URL(request.url, "http://here");
    next.searchParams.set("cursor", cursorOf(last));
    reply.header("link", `<${next.pathname}${next.search}>; rel="next"`);
  }
  return shown;
}
