import { createMicroBatch, type MicroBatch, type MicroBatchOptions } from "@belfry/service/micro-batch.ts";

/**
 * Gathers what comes at once into batches, those of each account by themselves: none waits for another account's locks, and no
 * statement has to tell them apart. One that comes alone does not wait.
 */
export function batchByAccount<In, Out>(
  run: (accountId: string, items: In[]) => Promise<Out[]>,
  sizes: Omit<MicroBatchOptions<In, Out>, "run">,
): (accountId: string, item: In) => Promise<Out> {
  const open = new Map<string, MicroBatch<In, Out>>();
  return (accountId, item) => {
    const known = open.get(accountId);
    if (known) return known.add(item);
    const batch = createMicroBatch<In, Out>({ run: (items) => run(accountId, items), ...sizes });
    open.set(accountId, batch);
    const out = batch.add(item);
    void batch.idle().then(() => open.delete(accountId));
    return out;
  };
}
