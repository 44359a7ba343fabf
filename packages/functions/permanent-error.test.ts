import { expect, it } from "vitest";
import { isPermanent, PermanentError } from "./permanent-error.ts";

const permanent = new PermanentError("the customer is gone");
const circular = new Error("a");
circular.cause = new Error("b", { cause: circular });
const endless = (): Error => Object.defineProperty(new Error("again"), "cause", { get: endless });
const unreadable = Object.defineProperty(new Error("no"), "cause", {
  get() {
    throw new Error("not for you");
  },
});

it("is an error like any other", () => {
  const cause = new Error("404");
  const error = new PermanentError("the customer is gone", { cause });

  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({ name: "PermanentError", message: "the customer is gone", cause });
});

it.each([
  ["itself", permanent],
  ["one of a class of its own", new (class Gone extends PermanentError {})("gone")],
  ["one that it caused", new Error("step 3 failed", { cause: permanent })],
  [
    "one that it caused long ago",
    new Error("a", { cause: new Error("b", { cause: new Error("c", { cause: permanent }) }) }),
  ],
  [
    "one of another copy of the package",
    Object.assign(new Error("x"), { [Symbol.for("belfry.permanent-error")]: true }),
  ],
])("is recognised: %s", (_, thrown) => {
  expect(isPermanent(thrown)).toBe(true);
});

it.each([
  ["an Error", new Error("x", { cause: new Error("y") })],
  ["an Error of the same name only", Object.assign(new Error("x"), { name: "PermanentError" })],
  ["errors that cause each other", circular],
  ["causes without an end", endless()],
  ["a cause that cannot be read", unreadable],
  ["null", null],
  ["nothing", undefined],
  ["a string", "PermanentError"],
])("is not seen in what is none: %s", (_, thrown) => {
  expect(isPermanent(thrown)).toBe(false);
});
