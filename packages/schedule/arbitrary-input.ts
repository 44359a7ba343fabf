import fc from "fast-check";

/** A good value more often than not: what is built of many is to be taken at times. */
const mostly = (good: fc.Arbitrary<unknown>, ...bad: unknown[]) =>
  fc.oneof({ weight: 20, arbitrary: good }, { weight: 1, arbitrary: fc.constantFrom(...bad) });
const list = (value: fc.Arbitrary<unknown>) =>
  fc.oneof(
    { weight: 20, arbitrary: fc.array(value, { minLength: 1, maxLength: 4 }) },
    { weight: 1, arbitrary: fc.constant([]) },
  );

const time = mostly(fc.constantFrom("9:00", "2:30", "02:00:30", "2 AM", "noon"), "24:00", "9:60", "", "at 9", 9);
const weekday = mostly(
  fc.oneof(fc.constantFrom("monday", "Fri", "sun"), fc.integer({ min: 0, max: 7 })),
  "mooday",
  -1,
  8,
);
const day = mostly(fc.oneof(fc.integer({ min: 1, max: 31 }), fc.constantFrom("last", "15th", -1, -31)), 0, 32, "x");
const nth = mostly(fc.constantFrom(1, 2, 5, -1, -5, "first", "last"), 0, 6, "x");
const month = mostly(fc.oneof(fc.integer({ min: 1, max: 12 }), fc.constantFrom("march", "Dec")), 0, 13, "x");
const date = mostly(fc.constantFrom("2026-12-25", "2026-02-28", "9999-12-31", "0000-01-01"), "2026-02-30", "soon");
const past = mostly(fc.constantFrom("2026-03-29T01:00:00Z", "0001-01-01T00:00:00Z"), "2026-01-01", "x");
const future = mostly(fc.constantFrom("2026-12-31T23:59:59+02:00", "9999-12-31T23:59:59Z"), "x", "2026-01-01");

const PARTS: Record<string, fc.Arbitrary<unknown>> = {
  INTERVAL: mostly(fc.constantFrom(1, 2, 7, 12, 86_400, 999_983), 0, 1_000_001),
  COUNT: mostly(fc.constantFrom(1, 10, 1_000), 0, 1_001),
  UNTIL: mostly(fc.constantFrom("20270101", "20260301T000000Z", "99991231T235959"), "2026", "20260230"),
  BYMONTH: mostly(fc.constantFrom("2", "1,6,12"), "13"),
  BYMONTHDAY: mostly(fc.constantFrom("29", "30,31", "-1,15"), "0", "32"),
  BYYEARDAY: mostly(fc.constantFrom("1", "366", "-366,60"), "0"),
  BYWEEKNO: mostly(fc.constantFrom("1", "53", "-1,20"), "54"),
  BYDAY: mostly(fc.constantFrom("MO", "TU,WE,SU", "-1FR,2TU"), "XX", "0MO"),
  BYHOUR: mostly(fc.constantFrom("2", "0,1,23"), "24"),
  BYMINUTE: mostly(fc.constantFrom("30", "0,15,59"), "60"),
  BYSECOND: mostly(fc.constantFrom("0", "1,2,58"), "60"),
  BYSETPOS: mostly(fc.constantFrom("1", "-1", "366", "2,-2"), "0"),
  WKST: mostly(fc.constantFrom("SU", "TH"), "1"),
};
const rrule = fc
  .tuple(
    fc.constantFrom("RRULE:", "FREQ=DAILY;", "DTSTART:20260301T023000\nRRULE:", "EXDATE:20260302T023000Z\nRRULE:"),
    fc.constantFrom("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY", "SECONDLY"),
    fc.subarray(Object.keys(PARTS), { maxLength: 4 }),
  )
  .chain(([before, frequency, names]) =>
    fc
      .tuple(...names.map((name) => (PARTS[name] ?? fc.constant("")).map((value) => `${name}=${value}`)))
      .map((parts) => [`${before}FREQ=${frequency}`, ...parts].join(";")),
  );

const WORDS =
  "every each other 2 15 99999 hour hours day days week month months year on the of at and , monday fri weekdays last first 15th december 9 9:00 2am noon daily weekly monthly yearly daily: weekly: monthly: yearly:";
const words = fc
  .array(fc.constantFrom(...WORDS.split(" ")), { maxLength: 10 })
  .chain((parts) => fc.constantFrom(parts.join(" "), parts.join("")));
const duration = fc
  .array(fc.constantFrom("P", "T", "1", "0", ".5", "Y", "M", "W", "D", "H", "S", "m", "h", "-"), { maxLength: 10 })
  .map((parts) => parts.join(""));
const good = fc.constantFrom(
  "0 9 * * *",
  "*/5 * * * *",
  "0 0 29 2 1",
  "H H * * *",
  "TZ=Asia/Tokyo 0 9 * * 1",
  "@daily",
  "@every 1h30m",
  "30s",
  "PT15M",
  "2026-12-15T09:00:00Z",
  "daily:02:30",
  "weekly:mon,fri:03:00",
  "monthly:31:08:00",
  "yearly:02-29:18:00",
  "every 2 hours",
  "last day of the month at 18:00",
  "every 3 days at 9:00",
);
const text = fc.oneof(
  { weight: 4, arbitrary: good },
  { weight: 2, arbitrary: rrule },
  words,
  duration,
  fc.string({ maxLength: 60, unit: "binary" }),
);

const restrictions = {
  timezone: mostly(fc.constantFrom("UTC", "Asia/Tokyo", "Australia/Lord_Howe"), "Mars/Olympus", 1),
  start: past,
  end: future,
  exclude_dates: list(date),
  weekdays: list(weekday),
  windows: mostly(fc.constantFrom<unknown>("02:00-04:00", "22:00-02:00", ["09:00-10:00", "11:00-24:00"]), "2-2", []),
  calendars: mostly(fc.constantFrom<unknown>({ exclude: ["holidays"] }, { include: ["holidays"] }, {}), {
    exclude: ["x"],
  }),
};
const count = { every: mostly(fc.constantFrom(2, 3, 1_000), 0, 1_001), from: date };
const daysOfMonth = fc.oneof(
  fc.record({ day }),
  fc.record({ days: list(day), short_months: mostly(fc.constantFrom("last", "skip"), "x") }),
  fc.record({ nth: fc.oneof(nth, list(nth)), weekday: fc.oneof(weekday, list(weekday)) }),
);
const yearDays = fc.oneof(
  fc.record({ date: mostly(fc.constantFrom("12-24", "02-29"), "02-30", "x") }),
  fc.record({ dates: list(mostly(fc.constantFrom("12-24", "02-29", "1-1"), "13-1")) }),
  fc.tuple(fc.record({ months: list(month) }), daysOfMonth).map(([months, days]) => ({ ...months, ...days })),
);
const at = fc.oneof(fc.record({ time }), fc.record({ times: list(time) }));
const some = (fields: Record<string, fc.Arbitrary<unknown>>) =>
  fc
    .subarray(Object.keys(fields), { maxLength: Math.min(2, Object.keys(fields).length) })
    .chain((keys) => fc.record(Object.fromEntries(keys.map((key) => [key, fields[key] ?? fc.constant(null)]))));
const form = (type: string, ...parts: fc.Arbitrary<object>[]) =>
  fc.tuple(some(restrictions), ...parts).map((values) => Object.assign({ type }, ...values) as Record<string, unknown>);
const withValue = (value: fc.Arbitrary<unknown>) => fc.record({ value: mostly(value, "", 1, "soon") });

const leaf: fc.Arbitrary<unknown> = fc.oneof(
  text,
  form("cron", withValue(fc.constantFrom("0 9 * * *", "*/7 1-3 * * 1-5", "0 0 29 2 1"))),
  form("interval", withValue(fc.constantFrom("30s", "PT2H", "1d"))),
  form("once", withValue(future)),
  form("instants", fc.record({ values: list(future) })),
  form("daily", at, some(count)),
  form("weekly", fc.record({ days: list(weekday) }), at, some(count)),
  form("monthly", daysOfMonth, at, some(count)),
  form("yearly", yearDays, at, some(count)),
  form("rrule", withValue(rrule)),
  fc.record(
    {
      schedule_type: mostly(fc.constantFrom("daily", "weekly", "monthly", "custom"), "x"),
      schedule_time: fc.oneof(time, text),
      schedule_config: some({ days: list(weekday), day_of_month: day, customInterval: text, ...count }),
    },
    { requiredKeys: ["schedule_type"] },
  ),
  fc.record({ type: fc.constantFrom("cron", "weekly", "x"), value: fc.jsonValue(), time }, { requiredKeys: [] }),
  fc.jsonValue({ maxDepth: 4 }),
);
/** Schedules as clients might write them, good and bad, and other JSON. */
export const { input: written } = fc.letrec<{ input: unknown }>((tie) => ({
  input: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    { weight: 3, arbitrary: leaf },
    {
      weight: 1,
      arbitrary: fc
        .tuple(
          fc.constantFrom("any", "all", "except").chain((type) => form(type)),
          mostly(fc.array(tie("input"), { minLength: 1, maxLength: 3 }), [], "x"),
          some({ jitter: mostly(fc.constantFrom("5m"), "soon") }),
        )
        .map(([combined, of, more]) => ({ ...combined, of, ...more })),
    },
  ),
}));
