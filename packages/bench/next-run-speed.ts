import type { DstRule } from "@belfry/contract/dst.ts";
import { parseCron } from "@belfry/schedule/cron.ts";
import { nextRun } from "@belfry/schedule/next-run.ts";
import type { Schedule } from "@belfry/schedule/schedule.ts";

/** Where clocks change twice a year; the odd ones among them. */
const ZONES = [
  "America/New_York",
  "America/Los_Angeles",
  "America/Santiago",
  "America/Nuuk",
  "Europe/London",
  "Europe/Dublin",
  "Europe/Rome",
  "Africa/Cairo",
  "Asia/Jerusalem",
  "Australia/Sydney",
  "Australia/Lord_Howe",
  "Antarctica/Troll",
  "Pacific/Auckland",
];

const SCHEDULES = 1_000;
/** From so many instants spread over four years, which hold eight changes of each zone. */
const INSTANTS = 400;
const FIRST = Date.UTC(2025, 0, 1);
const SPAN = 4 * 365 * 86_400_000;

/**
 * How many times a second one core finds the next occurrence: 1,000 cron expressions over 13 zones that change their clocks,
 * under Vixie's rule or all under one of their own.
 */
export function measureNextRuns(dst?: DstRule): number {
  const schedules = Array.from({ length: SCHEDULES }, (_, index) => scheduleOf(index, dst));
  // A first pass, not counted: a scheduler that has run for a second has seen its expressions and zones.
  searchAll(schedules, 20);
  // Of the processor's time, since on a machine with other work the clock's says nothing about a core.
  const began = process.cpuUsage();
  searchAll(schedules, INSTANTS);
  const { user, system } = process.cpuUsage(began);
  return (SCHEDULES * INSTANTS) / ((user + system) / 1_000_000);
}

function searchAll(schedules: readonly Schedule[], instants: number): void {
  for (let i = 0; i < instants; i++) {
    const after = FIRST + Math.floor(((i * 0.618) % 1) * SPAN);
    for (const schedule of schedules) {
      if (nextRun(schedule, after) === null) throw new Error(`no next run: ${JSON.stringify(schedule)}`);
    }
  }
}

/** Each is different: the number in mixed radix fills the fields of one of ten forms. */
function scheduleOf(index: number, dst: DstRule | undefined): Schedule {
  const minute = (index * 7) % 60;
  const hour = (index * 5) % 24;
  const day = 1 + ((index * 3) % 28);
  const month = 1 + (index % 12);
  const weekday = index % 7;
  const step = [2, 5, 10, 15, 20, 30][index % 6];
  const forms = [
    `${minute} ${hour} * * *`,
    `*/${step} * * * *`,
    `${minute} */2 * * *`,
    `${minute} ${hour} * * 1-5`,
    `${minute} ${hour} * * ${weekday}`,
    `${minute},${(minute + 30) % 60} ${hour} ${day} * *`,
    `${minute} ${hour} L * *`,
    `${minute} ${hour} * * ${weekday}#${1 + (index % 4)}`,
    `${minute} ${hour} ${day} ${month} *`,
    `${index % 60} ${minute} ${hour} * * *`,
  ];
  const form = forms[Math.floor(index / 7) % forms.length] ?? "";
  return parseCron(form, ZONES[index % ZONES.length] ?? "UTC", { dst });
}
