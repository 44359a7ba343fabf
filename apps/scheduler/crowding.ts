/**
 * Accounts that fill a batch: with a quarter of it or more, behind which others may wait. Empty unless the batch was
 * full, since otherwise nobody waits.
 */
export function crowding(batch: readonly { accountId: string }[], size: number): string[] {
  if (batch.length < size) return [];
  const byAccount = Map.groupBy(batch, ({ accountId }) => accountId);
  return [...byAccount].filter(([, theirs]) => theirs.length >= size / 4).map(([accountId]) => accountId);
}
