/** What the global setup hands to each test file. */
export interface ProvidedServers {
  /** Names all that one run of the tests creates, so that several runs can share a server. */
  runId: string;
  /** Connects to a database that is not for tests, as a user who may create databases. */
  adminUrl: string;
  /** The migrated database that test databases are copied from. */
  template: string;
  redisUrl: string;
}

declare module "vitest" {
  interface ProvidedContext {
    servers: ProvidedServers;
  }
}
