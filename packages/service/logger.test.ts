import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { createLogger, type Logger, withoutCredentials } from "./logger.ts";

/** The lines that are printed for what `write` logs. */
function printed(write: (log: Logger) => void, level = "trace"): string[] {
  const lines: string[] = [];
  write(createLogger("test", level, { write: (line) => lines.push(line) }));
  return lines;
}

const parsed = (write: (log: Logger) => void): Record<string, unknown> => JSON.parse(printed(write)[0] as string);

/** As Drizzle wraps what Postgres says: the query and its parameters are in the error and in its message. */
function failedQuery(params: unknown[]): Error {
  const cause = Object.assign(new Error('null value in column "name"'), {
    code: "23502",
    detail: `Failing row contains (${params}).`,
  });
  return Object.assign(new Error(`Failed query: insert into t values ($1)\nparams: ${params}`, { cause }), {
    query: "insert",
    params,
  });
}

describe("a log line", () => {
  it("is one JSON object on standard output", async () => {
    const script = `
      import { createLogger } from ${JSON.stringify(new URL("logger.ts", import.meta.url).href)};
      createLogger("worker", "info").warn({ job_id: "j1", text: "two\\nlines" }, "hello");`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script]);
    const lines = stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] as string)).toMatchObject({
      level: "warn",
      service: "worker",
      pid: expect.any(Number),
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      job_id: "j1",
      text: "two\nlines",
      msg: "hello",
    });
  });

  it("is not lost when the process ends at once, nor are the many before it", async () => {
    const script = `
      import { createLogger } from ${JSON.stringify(new URL("logger.ts", import.meta.url).href)};
      const log = createLogger("worker", "info");
      for (let n = 1; n <= 20_000; n++) log.info({ n }, "line");
      process.exit(0);`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script], {
      maxBuffer: 1e8,
    });
    const lines = stdout.trimEnd().split("\n");
    expect(lines).toHaveLength(20_000);
    expect(JSON.parse(lines.at(-1) as string)).toMatchObject({ n: 20_000 });
  });

  it("is written from its level on", () => {
    const both = (log: Logger) => {
      log.info("no");
      log.warn("yes");
    };
    expect(printed(both, "warn")).toHaveLength(1);
    expect(printed((log) => log.fatal("no"), "silent")).toEqual([]);
  });
});

describe("secrets", () => {
  const secret = "hunter2hunter2";

  it.each([
    "authorization",
    "cookie",
    "password",
    "secret",
    "token",
    "key",
    "api_key",
    "headers",
    "DATABASE_URL",
    "REDIS_URL",
  ])("are left out under the name %s, wherever it stands", (field) => {
    const lines = printed((log) => {
      log.info({ [field]: secret }, "top");
      log.info({ request: { [field]: secret } }, "nested");
      log.info({ request: { of: { [field]: secret } } }, "nested twice");
      log.child({ [field]: secret }).info("a child's own");
    });
    expect(lines).toHaveLength(4);
    expect(lines.join("")).not.toContain(secret);
    expect(lines.every((line) => line.includes("[redacted]"))).toBe(true);
  });

  it("are left out of URLs in texts, fields, errors, their causes and their stacks", () => {
    const url = `postgres://belfry:${secret}@db.internal:5432/belfry`;
    const lines = printed((log) => {
      log.info(`connecting to ${url}`);
      log.info({ where: [url] }, "a field");
      log.error({ err: new Error(`cannot reach ${url}`, { cause: new Error(url) }) }, "an error");
      log.error(new Error(url));
      log.error({ error: new AggregateError([new Error(url)], url) }, "several");
    });
    expect(lines).toHaveLength(5);
    for (const line of lines) {
      expect(line).not.toContain(secret);
      expect(line).toContain("postgres://***@db.internal:5432/belfry");
      expect(() => JSON.parse(line)).not.toThrow();
    }
  });

  it("are left out of failed queries, of which only what the database said is told", () => {
    const error = failedQuery([secret]);
    const lines = printed((log) => {
      log.error({ err: error }, "request failed");
      log.error({ err: error });
      log.error(error);
      log.error({ err: new Error("cannot create job", { cause: error }) }, "wrapped");
    });
    expect(lines).toHaveLength(4);
    for (const line of lines) {
      expect(line).not.toContain(secret);
      expect(line).not.toContain("Failed query");
      expect(line).toContain("23502");
    }
    expect(JSON.parse(lines[2] as string)).toMatchObject({ msg: 'null value in column "name"' });
  });
});

describe("an error", () => {
  it("is told with its name, message, code, stack and causes", () => {
    const cause = Object.assign(new TypeError("refused"), { code: "ECONNREFUSED" });
    const line = parsed((log) => log.error({ err: new Error("cannot publish", { cause }) }, "the queue is away"));
    expect(line).toMatchObject({
      msg: "the queue is away",
      err: {
        type: "Error",
        message: "cannot publish",
        stack: expect.stringContaining("logger.test.ts"),
        cause: { type: "TypeError", message: "refused", code: "ECONNREFUSED" },
      },
    });
  });

  it("may be anything that can be thrown", () => {
    for (const thrown of ["a string", 7, null, { code: 1 }]) {
      expect(parsed((log) => log.error({ err: thrown }, "odd"))).toMatchObject({ err: thrown, msg: "odd" });
    }
  });
});

describe("a text without credentials", () => {
  it.each([
    ["redis://:secret@host:6379", "redis://***@host:6379"],
    ["postgres://user@host/db", "postgres://***@host/db"],
    ["postgres://user:p@ss:w@rd@host/db", "postgres://***@host/db"],
    ["from amqp+ssl://a:b@one to http://c:d@two", "from amqp+ssl://***@one to http://***@two"],
    ["http://host/path?mail=me@example.com", "http://host/path?mail=me@example.com"],
    ["https://host?mail=me@example.com", "https://host?mail=me@example.com"],
    ["mail me@example.com", "mail me@example.com"],
    ['{"a":"http://host","b":"me@example.com"}', '{"a":"http://host","b":"me@example.com"}'],
  ])("%s", (text, without) => {
    expect(withoutCredentials(text)).toBe(without);
  });
});
