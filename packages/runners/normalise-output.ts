import type { Json } from "@belfry/contract/json.ts";
import { describeThrown } from "./describe-thrown.ts";
import { measureDeepJson } from "./measure-deep-json.ts";
import { firstBytes } from "./storable-text.ts";

/** Limits of a stored document. Bytes are UTF-8 bytes of the compact JSON text; a flat object is one level deep. */
export const OUTPUT_MAX_BYTES = 64 * 1024;
export const OUTPUT_MAX_DEPTH = 64;
/** How much of a document that is over a limit is kept. */
export const PREVIEW_BYTES = 4 * 1024;

export type Normalised =
  | {
      ok: true;
      /** Compact JSON text that Postgres can store, within the limits. */
      text: string;
      /** What `text` reads as: a copy, so that whoever made the value may go on changing it. */
      value: Json;
      /** The value as it was, only made plain JSON: neither cut nor cleaned. Null if `tooDeep`. */
      whole: Json;
      tooDeep: boolean;
    }
  /** The value has no JSON text at all. */
  | { ok: false; message: string };

/** U+0000 and lone surrogates, as `JSON.stringify` writes them; it escapes no surrogate that has its partner. */
const POISON = /\\u(?:0000|d[89a-f])/;
const [QUOTE, BACKSLASH, OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d];
/** Each escape as a whole, so that the `u0000` behind an escaped backslash is left alone. */
const ESCAPE = /\\(?:u[0-9a-f]{4}|.)/g;

/**
 * Makes a value storable: what `JSON.stringify` makes of it (undefined becomes null, functions are dropped), with
 * U+FFFD for U+0000 and lone surrogates, also in keys. What is larger than 64 KB or nested deeper than 64 levels
 * becomes `{ truncated: true, bytes, depth?, preview }`, `preview` being the first 4 KB of its JSON text.
 * Never throws; cycles, BigInt and a `toJSON` that throws have no JSON text and give `ok: false`.
 */
export function normaliseOutput(value: unknown): Normalised {
  return normalise(value, JSON.parse);
}

/** The same for what was read from JSON text and nobody changes: it needs no copy. */
export function normaliseJson(value: Json): Normalised {
  return normalise(value, () => value);
}

function normalise(value: unknown, wholeOf: (text: string) => Json): Normalised {
  let text: string;
  try {
    text = JSON.stringify(value) ?? "null";
  } catch (thrown) {
    // JSON.stringify recurses over some objects; a stack or a string that overflowed is no fault of the value.
    if (thrown instanceof RangeError) return normaliseDeep(value);
    return { ok: false, message: notJson(thrown) };
  }
  const whole = wholeOf(text);
  const clean = cleanText(text);
  const depth = depthOf(clean);
  if (depth > OUTPUT_MAX_DEPTH) return mark({ bytes: byteLength(clean), depth, preview: clean }, null);
  if (exceeds(clean, OUTPUT_MAX_BYTES)) return mark({ bytes: byteLength(clean), preview: clean }, whole);
  return { ok: true, text: clean, value: clean === text ? whole : JSON.parse(clean), whole, tooDeep: false };
}

function normaliseDeep(value: unknown): Normalised {
  try {
    const { bytes, depth, beginning } = measureDeepJson(value, PREVIEW_BYTES);
    return mark({ bytes, depth, preview: cleanText(beginning).toWellFormed() }, null);
  } catch (thrown) {
    return { ok: false, message: notJson(thrown) };
  }
}

function mark(size: { bytes: number; depth?: number; preview: string }, whole: Json): Normalised {
  const value = { truncated: true, ...size, preview: firstBytes(size.preview, PREVIEW_BYTES) };
  return { ok: true, text: JSON.stringify(value), value, whole, tooDeep: size.depth !== undefined };
}

function cleanText(text: string): string {
  if (!POISON.test(text)) return text;
  return text.replace(ESCAPE, (found) => (POISON.test(found) ? "\ufffd" : found));
}

function exceeds(text: string, maxBytes: number): boolean {
  // A UTF-16 unit makes 1 to 3 bytes, so most texts need no counting.
  return text.length * 3 > maxBytes && byteLength(text) > maxBytes;
}

/** How deep a JSON text is nested. Reads the text, since that cannot overflow; short texts count as flat. */
function depthOf(text: string): number {
  // Each level takes an opening and a closing bracket.
  if (text.length <= 2 * OUTPUT_MAX_DEPTH) return 0;
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (inString) {
      if (code === BACKSLASH) index++;
      else if (code === QUOTE) inString = false;
    } else if (code === QUOTE) inString = true;
    else if (code === OPEN_ARRAY || code === OPEN_OBJECT) deepest = Math.max(deepest, ++depth);
    else if (code === CLOSE_ARRAY || code === CLOSE_OBJECT) depth--;
  }
  return deepest;
}

function byteLength(text: string): number {
  return Buffer.byteLength(text);
}

function notJson(thrown: unknown): string {
  return `not JSON: ${describeThrown(thrown)}`;
}
