import { FIELDS, type Field, fieldError, parseField } from "./cron-fields.ts";
import { hashOf } from "./hash.ts";

/**
 * Jenkins' `H`: a value that follows from the job, so that jobs with the same words do not all run in the same minute.
 * `H` is one of the field's values (of a month's days 1 to 28, so that every month has it), `H(0-29)` one of these, `H/15` and
 * `H(0-29)/10` a first one and every so many after it. Puts numbers in their places; the same seed always gives the same ones.
 * Throws ScheduleError naming the field, also when there is no seed; `text` is what the message quotes.
 */
export function resolveHashes(expression: string, seed: string | undefined, text: string): string {
  const values = expression.split(" ");
  const fields = FIELDS.slice(-values.length);
  return fields.map((field, index) => resolveField(field, values[index] ?? "", seed, text)).join(" ");
}

function resolveField(field: Field, value: string, seed: string | undefined, text: string): string {
  if (!/(?:^|[,/-])H/.test(value)) return value;
  if (seed === undefined) {
    throw fieldError(field, "has H, a value that follows from the job's id: only a job can have it", text);
  }
  const hash = hashOf(`${seed} ${field.name}`);
  const items = value.split(",");
  if (items.length === 1) {
    const { from, to, step } = drawn(field, value, hash, text);
    return from + step > to ? `${from}` : `${from}-${to}/${step}`;
  }
  // What a job draws may be in the list already; for another job it is not, so this is no mistake.
  const plain = items.filter((item) => !item.startsWith("H"));
  const taken = new Set(plain.length === 0 ? [] : parseField(field, plain.join(","), text).values);
  const draws = items.filter((item) => item.startsWith("H")).map((item) => drawn(field, item, hash, text));
  for (const { from, to, step } of draws) {
    for (let next = from; next <= to; next += step) {
      if (!taken.has(next)) plain.push(`${next}`);
      taken.add(next);
    }
  }
  return plain.join(",");
}

function drawn(field: Field, item: string, hash: number, text: string): { from: number; to: number; step: number } {
  const match = /^H(?:\((\d{1,2})-(\d{1,2})\))?(?:\/(\d{1,4}))?$/.exec(item);
  const [, low = field.min, high = field.hashMax ?? field.max, every] = match ?? [];
  const [first, to] = [Number(low), Number(high)];
  const step = Number(every ?? to - first + 1);
  if (match === null || first < field.min || to > field.max || first > to) {
    throw fieldError(
      field,
      `must be ${field.allowed}; H, H(${field.min}-${field.max}), H/2 or H(1-4)/2 spread it`,
      text,
    );
  }
  if (step < 1) throw fieldError(field, "must have a step of at least 1", text);
  return { from: first + (hash % Math.min(step, to - first + 1)), to, step };
}
