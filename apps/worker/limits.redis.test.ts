import { describe } from "vitest";
import { describeLimits } from "./limits-cases.ts";

describe("limits in a cluster whose queue is on Redis", () => describeLimits("redis"));
