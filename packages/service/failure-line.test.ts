import { expect, it } from "vitest";
import { failureLine } from "./failure-line.ts";

it("tells an error and its causes", () => {
  const refused = new Error("connect ECONNREFUSED 127.0.0.1:1");
  expect(failureLine(new Error("REDIS_URL: cannot reach Redis", { cause: refused }))).toBe(
    "REDIS_URL: cannot reach Redis: connect ECONNREFUSED 127.0.0.1:1",
  );
  expect(failureLine("thrown as text")).toBe("thrown as text");
});

it("tells all addresses that were tried, when the error itself says nothing", () => {
  const tried = new AggregateError([new Error("refused by ::1"), new Error("refused by 127.0.0.1")]);
  expect(failureLine(tried)).toBe("refused by ::1: refused by 127.0.0.1");
});

it("is one line without credentials, and without a query's parameters", () => {
  expect(failureLine(new Error("no route\n  to redis://user:secret@host"))).toBe("no route to redis://***@host");
  const failed = Object.assign(
    new Error("Failed query: select $1\nparams: secret", { cause: new Error("no such table") }),
    { query: "select $1" },
  );
  expect(failureLine(new Error("cannot start", { cause: failed }))).toBe("cannot start: no such table");
});
