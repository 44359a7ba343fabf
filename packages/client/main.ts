/** All that a user of the API needs. */
export type * from "./api.ts";
export { BelfryError, type BelfryErrorCode } from "./belfry-error.ts";
export type { Call, CallOptions, List } from "./call.ts";
export { type ClientOptions, createClient } from "./create-client.ts";
