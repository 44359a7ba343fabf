import { describe, expect, it } from "vitest";
import type { z } from "zod";
import { commonEnv, EnvError, parseEnv, text, wholeNumber } from "./env.ts";

const good = { DATABASE_URL: "postgres://127.0.0.1/belfry" };

/** What parsing throws, as text. */
function problemOf(shape: z.ZodRawShape, env: NodeJS.ProcessEnv): string {
  try {
    parseEnv(shape, env);
  } catch (error) {
    expect(error).toBeInstanceOf(EnvError);
    return (error as Error).message;
  }
  throw new Error("was accepted");
}

describe("a process' settings", () => {
  it("have their defaults", () => {
    expect(parseEnv(commonEnv, good)).toEqual({ ...good, LOG_LEVEL: "info", BELFRY_QUEUE_PREFIX: "belfry" });
  });

  it("count as absent when they are empty", () => {
    const env = { ...good, REDIS_URL: "", LOG_LEVEL: "", BELFRY_QUEUE_PREFIX: "" };
    expect(parseEnv(commonEnv, env)).toEqual(parseEnv(commonEnv, good));
    expect(problemOf(commonEnv, { DATABASE_URL: "" })).toBe("configuration is not usable: DATABASE_URL: is required");
  });

  it("are taken from what the process is given, and from nothing else", () => {
    expect(parseEnv({ MINE: text }, { MINE: "1", OTHER: "2" })).toEqual({ MINE: "1" });
  });

  it("are refused with every problem at once, on one line", () => {
    const env = { REDIS_URL: "http://cache", LOG_LEVEL: "loud", BELFRY_QUEUE_PREFIX: "a b", PORT: "70000" };
    const problem = problemOf({ ...commonEnv, PORT: wholeNumber(1, 65_535) }, env);
    for (const name of [
      "DATABASE_URL: is required",
      "REDIS_URL: must be a URL",
      "LOG_LEVEL: ",
      "BELFRY_QUEUE_PREFIX: must be",
      "PORT: must be",
    ]) {
      expect(problem).toContain(name);
    }
    expect(problem).not.toContain("\n");
  });

  it("are never repeated in what is said of them: they may be secrets", () => {
    const secret = "hunter2";
    const env = {
      DATABASE_URL: `mysql://user:${secret}@host/db`,
      REDIS_URL: `${secret}`,
      LOG_LEVEL: secret,
      BELFRY_QUEUE_PREFIX: `!${secret}`,
      PORT: secret,
      KEY: secret,
    };
    const shape = { ...commonEnv, PORT: wholeNumber(1, 9), KEY: text.min(32, "must have at least 32 characters") };
    const problem = problemOf(shape, env);
    expect(problem.match(/DATABASE_URL|REDIS_URL|LOG_LEVEL|BELFRY_QUEUE_PREFIX|PORT|KEY/g)).toHaveLength(6);
    expect(problem).not.toContain(secret);
  });
});

describe("a URL", () => {
  it.each(["postgres://127.0.0.1/belfry", "postgresql://user:pa%20ss@db.internal:5433/belfry?sslmode=require"])(
    "of Postgres may be %s",
    (url) => {
      expect(parseEnv(commonEnv, { DATABASE_URL: url })).toMatchObject({ DATABASE_URL: url });
    },
  );

  it.each(["127.0.0.1:5432", "redis://127.0.0.1", "http://127.0.0.1", "postgres://host:99999/x", "postgres"])(
    "of Postgres may not be %s",
    (url) => {
      expect(problemOf(commonEnv, { DATABASE_URL: url })).toContain(
        "DATABASE_URL: must be a URL that begins with postgres:// or postgresql://",
      );
    },
  );
});

describe("a whole number", () => {
  it.each([
    ["0", 0],
    ["007", 7],
    ["10", 10],
  ])("may be %s", (given, n) => {
    expect(parseEnv({ N: wholeNumber(0, 10) }, { N: given })).toEqual({ N: n });
  });

  it.each(["-1", "11", "1.5", "1e3", " 1", "0x1", "ten", "9999999999"])("may not be %j from 0 to 10", (given) => {
    expect(problemOf({ N: wholeNumber(0, 10) }, { N: given })).toContain("N: must be a whole number from 0 to 10");
  });
});
