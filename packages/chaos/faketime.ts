import { existsSync } from "node:fs";

/** Where Debian's package libfaketime puts it, on the usual processors. */
const PLACES = ["x86_64-linux-gnu", "aarch64-linux-gnu"].map(
  (machine) => `/usr/lib/${machine}/faketime/libfaketime.so.1`,
);

/** The library that gives a process another clock, or null where it is not installed. */
export const findFaketime = (): string | null => PLACES.find((place) => existsSync(place)) ?? null;
