import { ApiError } from "@belfry/contract/errors.ts";
import { z } from "zod";

/** What is looked up by an id in the path. */
type Thing = "account" | "job" | "function" | "version" | "calendar" | "execution";

/** The path's `id`. One that is no UUID belongs to nothing: it is answered as an id of nothing is. */
export const idOf = (thing: Thing) => z.object({ id: z.uuid(message(thing)) });

/** What was found. Throws ApiError NOT_FOUND, in the same words whether it never was or belongs to somebody else. */
export function found<T>(thing: Thing, value: T | null): T {
  if (value === null) throw new ApiError("NOT_FOUND", message(thing));
  return value;
}

/** The same for an operation that says whether it found what it was to change. */
export function assertFound(thing: Thing, exists: boolean): void {
  if (!exists) throw new ApiError("NOT_FOUND", message(thing));
}

const message = (thing: Thing): string => `${thing} not found`;
