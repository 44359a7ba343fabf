import { Cron } from "croner";

/** A schedule as the second implementation understands it. `anchor`, for intervals alone, is any one of its instants. */
export type PlainSchedule = { text: string; timezone: string; anchor: number | null };

const UNIT_MS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The period of `@every 2s`, in milliseconds; null for what is no interval. */
export function periodOf(text: string): number | null {
  const match = /^@every (\d+)([smhd])$/.exec(text);
  return match ? Number(match[1]) * (UNIT_MS[match[2] as string] as number) : null;
}

/** The instant of a schedule that runs once; null for others. */
export function onceOf(text: string): number | null {
  return /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : null;
}

/** The occurrences strictly after `after` and not later than `upTo`, in order, by croner and by arithmetic of our own. */
export function instantsBetween(schedule: PlainSchedule, after: number, upTo: number): number[] {
  const period = periodOf(schedule.text);
  if (period !== null) return intervalBetween(period, schedule.anchor, after, upTo);
  const once = onceOf(schedule.text);
  if (once !== null) return once > after && once <= upTo ? [once] : [];
  return cronBetween(schedule, after, upTo);
}

function intervalBetween(period: number, anchor: number | null, after: number, upTo: number): number[] {
  if (anchor === null) throw new Error("an interval needs its anchor");
  const found: number[] = [];
  for (let n = Math.floor((after - anchor) / period); ; n++) {
    const at = anchor + n * period;
    if (at > upTo) return found;
    if (at > after) found.push(at);
  }
}

function cronBetween({ text, timezone }: PlainSchedule, after: number, upTo: number): number[] {
  const cron = new Cron(text, { timezone, paused: true });
  const found: number[] = [];
  // croner looks at whole seconds: what lies in the second of `after` is after it only if it is later.
  let from = new Date(Math.floor(after / 1000) * 1000 - 1000);
  for (;;) {
    const next = cron.nextRun(from);
    if (next === null || next.getTime() > upTo) return found;
    if (next.getTime() > after) found.push(next.getTime());
    from = next;
  }
}
