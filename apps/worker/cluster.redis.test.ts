import { describe } from "vitest";
import { describeCluster } from "./cluster-cases.ts";

describe("a cluster whose queue is on Redis", () => describeCluster("redis"));
