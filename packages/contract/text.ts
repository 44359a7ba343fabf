import { z } from "zod";
import { isStorableText } from "./json.ts";

// biome-ignore lint/suspicious/noControlCharactersInRegex: refusing control characters is the point.
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** A name for people: 1 to 255 characters after trimming, on one line, without control characters. */
export const name = z
  .string()
  .trim()
  .min(1, "must not be empty")
  .max(255, "must have at most 255 characters")
  .refine((text) => !CONTROL.test(text), "must not contain control characters")
  .refine((text) => text.isWellFormed(), "must not contain a lone surrogate");

/** Free text of several lines. */
export const description = z
  .string()
  .max(4000, "must have at most 4000 characters")
  .refine(isStorableText, "must not contain U+0000 or a lone surrogate");

/** A name for machines: pools and projects travel in queue names, file names and labels. */
export const slug = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?$/,
    "must be 1 to 63 of a-z, 0-9, - and _, beginning and ending with a letter or digit",
  );

/** An instant in answers: ISO 8601, UTC, milliseconds. */
export const instant = z.iso.datetime();
