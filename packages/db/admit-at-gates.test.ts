import { expect, it } from "vitest";
import { type Asking, admitAtGates } from "./admit-at-gates.ts";
import type { Gate } from "./gates.ts";

const gate = (id: string, more: Partial<Gate> = {}): Gate => ({
  id,
  maxConcurrency: 2,
  rateLimit: null,
  running: 0,
  started: 0,
  underWay: 0,
  waiting: false,
  ...more,
});
const asking = (executionId: string, gates: string[], letGoAt: string | null = null): Asking => ({
  executionId,
  gates,
  letGoAt,
});

it("admits as many as fit, the oldest first", () => {
  const three = ["c", "a", "b"].map((id) => asking(id, ["f"]));
  expect(admitAtGates(three, [gate("f")])).toEqual({
    admitted: ["a", "b"],
    turnedAway: [{ executionId: "c", gate: "f" }],
  });
  expect(admitAtGates(three, [gate("f", { running: 1 })]).admitted).toEqual(["a"]);
  expect(admitAtGates(three, [gate("f", { running: 9 })]).admitted).toEqual([]);
  expect(admitAtGates(three, [gate("f", { maxConcurrency: null })]).admitted).toEqual(["a", "b", "c"]);
});

it("counts starts by the rate limit, and the narrower of the two limits holds", () => {
  const three = ["a", "b", "c"].map((id) => asking(id, ["f"]));
  const rateLimit = { starts: 5, per_seconds: 1 };
  expect(admitAtGates(three, [gate("f", { maxConcurrency: null, rateLimit, started: 4 })]).admitted).toEqual(["a"]);
  expect(admitAtGates(three, [gate("f", { rateLimit, started: 1 })]).admitted).toEqual(["a", "b"]);
});

it("lets nobody overtake those who wait, but those who were let go", () => {
  const gates = [gate("f", { waiting: true, underWay: 1 })];
  const both = [asking("a", ["f"]), asking("b", ["f"], "f")];
  expect(admitAtGates(both, gates)).toEqual({ admitted: ["b"], turnedAway: [{ executionId: "a", gate: "f" }] });
});

it("keeps the places of those who are under way", () => {
  expect(admitAtGates([asking("a", ["f"])], [gate("f", { underWay: 2 })]).admitted).toEqual([]);
  expect(admitAtGates([asking("a", ["f"])], [gate("f", { underWay: 1 })]).admitted).toEqual(["a"]);
});

it("asks for a place at each gate, and takes none where one of them is closed", () => {
  const gates = [gate("account", { maxConcurrency: 2, running: 1 }), gate("f", { running: 2 }), gate("g")];
  const admission = admitAtGates([asking("a", ["f", "account"]), asking("b", ["g", "account"])], gates);
  expect(admission).toEqual({ admitted: ["b"], turnedAway: [{ executionId: "a", gate: "f" }] });
});
