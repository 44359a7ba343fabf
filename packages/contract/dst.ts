import { z } from "zod";

/**
 * What happens to local times that a change of the zone's offset skips (a gap) or repeats (a fold).
 *
 * Without one of its own a schedule follows the rule of ISC (Vixie) cron. A cron expression whose minute or hour field begins with `*` follows elapsed time,
 * which is `skip` and `both`; every other one, and every calendar form, runs once for each local time: `next` and `first`.
 *
 * With a rule of its own a schedule is taken at its word, whatever its fields look like: the rule is applied to every local time
 * that matches. Take 02:00 → 03:00 for the gap, and 03:00 → 02:00 for the fold:
 *
 * | gap     | 02:30                             | every 15 minutes from 02:00 to 02:45, and 03:00      |
 * | ------- | --------------------------------- | ---------------------------------------------------- |
 * | `shift` | 03:30, later by the gap's length  | 03:00, 03:15, 03:30 and 03:45; the two at 03:00 are one |
 * | `next`  | 03:00, the first instant after it | 03:00, once for all of them                          |
 * | `skip`  | not that day                      | 03:00, its own                                       |
 *
 * | fold    | 02:30                             | every 15 minutes from 02:00 to 02:45                 |
 * | ------- | --------------------------------- | ---------------------------------------------------- |
 * | `first` | before the clocks go back         | four, before the clocks go back; then a pause        |
 * | `last`  | after the clocks went back        | four, after a pause                                  |
 * | `both`  | twice                             | eight                                                |
 *
 * Two occurrences at one instant are one. Gap and fold do not touch each other: every combination of the two means both.
 */
export const dstRule = z.strictObject({
  gap: z.enum(["shift", "next", "skip"]),
  fold: z.enum(["first", "last", "both"]),
});
export type DstRule = z.infer<typeof dstRule>;
