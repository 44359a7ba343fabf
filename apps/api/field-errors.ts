import type { FieldError } from "@belfry/contract/errors.ts";
import type { z } from "zod";

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** More would only make the answer long. */
const MAX_DETAILS = 50;
const MAX_PATH = 200;

/** What zod found wrong with `input`, per field and in words for the person who sent it. */
export function fieldErrors(issues: readonly Issue[], input: unknown): FieldError[] {
  return issues.flatMap((issue) => describe(issue, [], input)).slice(0, MAX_DETAILS);
}

/** The first problem as one sentence. */
export function firstProblem(details: readonly FieldError[]): string {
  const [first] = details;
  if (!first) return "the request is not valid";
  const what = first.path || "body";
  if (first.code === "required") return `required: ${what}`;
  if (first.code === "unknown_field") return `${first.message}: ${what}`;
  // Some messages name their field themselves.
  return first.message.startsWith(`${what} `) ? first.message : `${what}: ${first.message}`;
}

export function fieldError(path: Path, message: string, code: string): FieldError {
  const dotted = path.map(String).join(".");
  return { path: dotted.length > MAX_PATH ? `${dotted.slice(0, MAX_PATH)}…` : dotted, message, code };
}

function describe(issue: Issue, base: Path, input: unknown): FieldError[] {
  const path = [...base, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => fieldError([...path, key], "unknown field", "unknown_field"));
  }
  if (issue.code === "custom") return [fieldError(path, issue.message, String(issue.params?.code ?? "invalid"))];
  if (valueAt(input, path) === undefined) return [fieldError(path, "is required", "required")];
  if (issue.code === "invalid_union") {
    const meant = meantOf(issue.errors, path, input);
    if (meant) return meant.flatMap((inner) => describe(inner, path, input));
  }
  return [fieldError(path, wording(issue), issue.code)];
}

/**
 * Of a union's forms, the one that is meant: the first that the value has the right type for. One that it has all it needs for
 * comes before others, so that a form is not taken for another that goes by a field of its own, such as `type`.
 */
function meantOf(forms: readonly Issue[][], path: Path, input: unknown): Issue[] | undefined {
  const meant = forms.filter(isMeant);
  const lacksNothing = (issues: readonly Issue[]) =>
    issues.every((issue) => valueAt(input, [...path, ...issue.path]) !== undefined);
  return meant.find(lacksNothing) ?? meant[0];
}

function isMeant(issues: readonly Issue[]): boolean {
  return issues.length > 0 && issues.every((issue) => issue.path.length > 0 || issue.code !== "invalid_type");
}

const TYPES: Record<string, string> = {
  string: "a string",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "an array",
  object: "an object",
  record: "an object",
  null: "null",
};

function wording(issue: Issue): string {
  switch (issue.code) {
    case "invalid_type":
      return `must be ${TYPES[issue.expected] ?? issue.expected}`;
    case "invalid_value":
      return `must be ${oneOf(issue.values)}`;
    case "too_big":
    case "too_small":
      return issue.origin === "number" || issue.origin === "int" ? range(issue) : issue.message;
    case "invalid_key":
      return issue.issues[0]?.message ?? issue.message;
    case "invalid_union":
      return `must be ${unionOf(issue)}`;
    default:
      return issue.message;
  }
}

function oneOf(values: readonly unknown[]): string {
  return values.length === 1 ? String(values[0]) : `one of ${values.join(", ")}`;
}

function range(issue: z.core.$ZodIssueTooBig | z.core.$ZodIssueTooSmall): string {
  return issue.code === "too_big" ? `must be at most ${issue.maximum}` : `must be at least ${issue.minimum}`;
}

function unionOf(issue: z.core.$ZodIssueInvalidUnion): string {
  if ("options" in issue && issue.options) return oneOf(issue.options);
  const types = issue.errors.flatMap(([first]) => (first?.code === "invalid_type" ? [TYPES[first.expected]] : []));
  return [...new Set(types)].join(" or ") || "of another form";
}

function valueAt(input: unknown, path: Path): unknown {
  let value = input;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}
