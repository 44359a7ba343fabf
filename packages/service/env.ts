import { z } from "zod";

/** The variables that are missing or wrong, in one line: a process that does not start says so in one. */
export class EnvError extends Error {
  constructor(problems: readonly string[]) {
    super(`configuration is not usable: ${problems.join("; ")}`);
    this.name = "EnvError";
  }
}

/**
 * Reads a process' settings from its environment: every problem at once, and never the value, which may be a secret.
 * An empty variable counts as absent, which is what compose files make of an unset one.
 */
export function parseEnv<T extends z.ZodRawShape>(
  shape: T,
  env: NodeJS.ProcessEnv = process.env,
): z.infer<z.ZodObject<T>> {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
  const result = z.object(shape).safeParse(given);
  if (result.success) return result.data;
  throw new EnvError(result.error.issues.map((issue) => `${issue.path.join(".")}: ${describe(issue, given)}`));
}

function describe(issue: z.core.$ZodIssue, given: Record<string, string | undefined>): string {
  return given[String(issue.path[0])] === undefined ? "is required" : issue.message;
}

const url = (protocols: readonly string[]) =>
  z.string().refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), {
    error: `must be a URL that begins with ${protocols.map((p) => `${p}//`).join(" or ")}`,
  });

/** A whole number in an environment variable. */
export const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .refine((n) => n >= min && n <= max, `must be a whole number from ${min} to ${max}`);

/** A switch in an environment variable: true or false, also as 1 or 0, yes or no, on or off. */
export const flag = z.stringbool("must be true or false");

/** The settings that every process shares. */
export const commonEnv = {
  DATABASE_URL: url(["postgres:", "postgresql:"]),
  REDIS_URL: url(["redis:", "rediss:"]).optional(),
  LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"]).default("info"),
  /** Begins the names of what Belfry keeps in Redis, so that several clusters can share one. */
  BELFRY_QUEUE_PREFIX: z
    .string()
    .regex(/^[a-z0-9-]{1,40}$/, "must be 1 to 40 of a-z, 0-9 and -")
    .default("belfry"),
};

export const webUrl = url(["http:", "https:"]);
export const text = z.string();

/** A setting that `parse` reads; what its error says is said of the setting, so it may name no secret. */
export const parsed = <T>(parse: (text: string) => T) =>
  z.string().transform((text, context): T => {
    try {
      return parse(text);
    } catch (error) {
      context.addIssue({ code: "custom", message: error instanceof Error ? error.message : String(error) });
      return z.NEVER;
    }
  });
