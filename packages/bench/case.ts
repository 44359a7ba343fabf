import type { Sample } from "./measurements.ts";
import type { Options } from "./options.ts";
import type { Servers } from "./servers.ts";

export type CaseTools = { servers: Servers; options: Options; all: AsyncDisposableStack; note: (line: string) => void };

/** Measures a case once. What is compared are neighbours in time, so that a busy minute of the machine meets all of them. */
export type BenchCase = (tools: CaseTools) => Promise<Sample[]>;
