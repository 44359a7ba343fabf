import type { Logger } from "@belfry/service/logger.ts";

/** Rotating a secret counts for every call that begins five seconds later, also in the middle of a long attempt. */
const FRESH_MS = 4_000;

/**
 * The secrets that sign the calls of an attempt. Those that came with its claim are read in the claim's own statement, so
 * most calls ask for nothing; one that begins later in the attempt asks again. When Postgres does not answer, it is
 * signed with what is known: an older secret is valid for longer than that takes, unless it was ended at once.
 */
export function signingSecrets(
  claimed: readonly string[],
  read: () => Promise<readonly string[]>,
  log: Logger,
): () => readonly string[] | Promise<readonly string[]> {
  let known = claimed;
  let knownAt = performance.now();
  return () => (performance.now() - knownAt < FRESH_MS ? known : readAgain());

  async function readAgain(): Promise<readonly string[]> {
    try {
      known = await read();
      knownAt = performance.now();
    } catch (error) {
      log.warn({ err: error }, "signing secrets could not be read again, those of the claim are used");
    }
    return known;
  }
}
