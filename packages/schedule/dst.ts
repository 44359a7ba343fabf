/**
 * What happens to local times that a change of the zone's offset skips or repeats. Absent means Vixie cron's rule:
 * patterns whose minute or hour begins with `*` follow elapsed time, all others run once for each local time.
 */
export type DstRule = {
  /** For local times that never come: as much later as the gap is long, at the first instant after it, or not at all. */
  gap: "shift" | "next" | "skip";
  /** For local times that come twice. */
  fold: "first" | "last" | "both";
};
