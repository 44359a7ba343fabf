import type { JsonObject } from "@belfry/contract/json.ts";

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
export type FromSurvey = { importing: string } | { file: string; found: ModuleFacts | string };
