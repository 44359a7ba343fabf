import { deployedScheduleInput, type ScheduleInput, typedScheduleInput } from "@belfry/contract/schedule-input.ts";
import type { ScheduleError } from "./errors.ts";
import { misformed } from "./parse-options.ts";

type Issue = NonNullable<ReturnType<typeof typedScheduleInput.safeParse>["error"]>["issues"][number];

/** An object that has the form of a schedule. Throws ScheduleError with the first field that does not fit; `field` is its own name. */
export function checkForm(input: unknown, field: string): Exclude<ScheduleInput, string> {
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    throw misformed(field, "must be a string or an object");
  }
  const form = "schedule_type" in input && !("type" in input) ? deployedScheduleInput : typedScheduleInput;
  const result = form.safeParse(input);
  // The members of `of` are unknown here; whoever parses them checks them.
  if (result.success) return result.data as Exclude<ScheduleInput, string>;
  const [issue] = result.error.issues;
  throw issue ? problem(issue, field, input) : misformed(field, "is not valid");
}

function problem(issue: Issue, field: string, input: object): ScheduleError {
  const at = issue.path.reduce<string>(
    (path, key) => (typeof key === "number" ? `${path}[${key}]` : `${path}.${String(key)}`),
    field,
  );
  const value = issue.path.reduce<unknown>(
    (inner, key) =>
      typeof inner === "object" && inner !== null ? (inner as Record<PropertyKey, unknown>)[key] : undefined,
    input,
  );
  if (issue.code === "unrecognized_keys") {
    const [key = ""] = issue.keys;
    return misformed(`${at}.${key.slice(0, 100)}`.toWellFormed(), "is not a field of this form");
  }
  if (value === undefined) return misformed(at, `is required${allowed(issue)}`);
  return misformed(at, allowed(issue).replace(/^: it /, "") || "has a value of the wrong type");
}

function allowed(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return `: it must be of type ${issue.expected}`;
    case "invalid_value":
      return `: it must be ${issue.values.length === 1 ? "" : "one of "}${issue.values.join(", ")}`;
    case "invalid_union":
      return "options" in issue && issue.options ? `: it must be one of ${issue.options.join(", ")}` : "";
    case "too_big":
      return `: it must ${issue.origin === "int" || issue.origin === "number" ? "be at most" : "not have more than"} ${issue.maximum}`;
    case "too_small":
      return `: it must ${issue.origin === "int" || issue.origin === "number" ? "be at least" : "have at least"} ${issue.minimum}`;
    case "custom":
      return `: it ${issue.message}`;
    default:
      return "";
  }
}
