import type { JsonObject } from "@belfry/contract/json.ts";
import type { ModuleCode } from "./module-code.ts";

/** What a module says of itself. */
export type ModuleFacts = {
  name: string;
  description: string;
  /** false: no execution of it is to be run. */
  enabled: boolean;
  check: boolean;
  rollback: boolean;
  teardown: boolean;
  /** Milliseconds. */
  timeoutMs: number | null;
  /** The JSON schema of its input, if that has one. */
  inputSchema: JsonObject | null;
};

/** From the process that looks at the files of a folder, in this order for each of them. */
export type FromSurvey = { importing: string } | { file: string; found: Finding };

/** A module and the code that it consists of, or why there is none. */
export type Finding = { facts: ModuleFacts; code: ModuleCode } | string;
