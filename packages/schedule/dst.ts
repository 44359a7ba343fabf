import type { DstRule } from "@belfry/contract/dst.ts";

/** Vixie's rule for wildcard patterns: they match the local time of each instant. */
export const FOLLOWS_ELAPSED_TIME: DstRule = { gap: "skip", fold: "both" };

/** Vixie's rule for fixed patterns: once for each local time. */
export const ONCE_FOR_EACH_LOCAL_TIME: DstRule = { gap: "next", fold: "first" };
