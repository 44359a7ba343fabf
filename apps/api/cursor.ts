import { z } from "zod";

const UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";

/** Where a page begins: after the row of this id … */
const ID = new RegExp(`^${UUID}$`);
/** … and instant, in milliseconds: at most 14 digits, which is before the year 5139. */
const ID_AT = new RegExp(`^(\\d{1,14})\\.(${UUID})$`);

/** Two instants in milliseconds, of which those before 1970 have a sign. */
const WINDOW = /^(-?\d{1,14})\.(-?\d{1,15})$/;

/** Cursor of a list that is in the order of its ids. */
export const idCursor = cursor((text) => (ID.test(text) ? text : null));
export const encodeIdCursor = ({ id }: { id: string }): string => encode(id);

/** Cursor of a list of executions. */
export const executionCursor = cursor((text) => {
  const [, ms, id] = ID_AT.exec(text) ?? [];
  return id === undefined ? null : { id, scheduledFor: new Date(Number(ms)) };
});
export const encodeExecutionCursor = ({ id, scheduledFor }: { id: string; scheduledFor: Date }): string =>
  encode(`${scheduledFor.getTime()}.${id}`);

/** Cursor of a list of versions: those before this one. */
export const versionCursor = cursor((text) => (/^[1-9]\d{0,8}$/.test(text) ? Number(text) : null));
export const encodeVersionCursor = ({ version }: { version: number }): string => encode(String(version));

/** Cursor of a window of time: it begins after the first instant and ends before the second. */
export const windowCursor = cursor((text) => {
  const [, after, to] = WINDOW.exec(text) ?? [];
  return after === undefined ? null : { after: Number(after), to: Number(to) };
});
export const encodeWindowCursor = ({ after, to }: { after: number; to: number }): string => encode(`${after}.${to}`);

const encode = (text: string): string => Buffer.from(text).toString("base64url");

function cursor<T>(decode: (text: string) => T | null) {
  return z
    .string()
    .max(200)
    .transform((text, ctx): T => {
      const decoded = decode(Buffer.from(text, "base64url").toString());
      if (decoded !== null) return decoded;
      ctx.addIssue({ code: "custom", message: "is not a cursor of this list" });
      return z.NEVER;
    });
}
