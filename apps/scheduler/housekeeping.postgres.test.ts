import { describe } from "vitest";
import { describeHousekeeping } from "./housekeeping-cases.ts";

describe("a scheduler whose queue is on Postgres", () => describeHousekeeping("postgres"));
