/**
 * Gathers single calls into batches. A batch leaves at once if none is under way, so a call that comes alone does not
 * wait, and under load batches grow by themselves: a further one, up to `parallel`, leaves when it is half full or when
 * the ones under way take long.
 */
export type MicroBatch<In, Out> = {
  add(item: In): Promise<Out>;
  /** Resolves when nothing is waiting or under way. */
  idle(): Promise<void>;
};

export type MicroBatchOptions<In, Out> = {
  /** Answers in the order of the items. Throwing rejects every item of the batch. */
  run: (items: In[]) => Promise<Out[]>;
  maxSize: number;
  parallel: number;
};

/** Whoever waits for this long is no longer waiting for a batch, but for something that holds it up. */
const PATIENCE_MS = 20;

export function createMicroBatch<In, Out>({ run, maxSize, parallel }: MicroBatchOptions<In, Out>): MicroBatch<In, Out> {
  type Waiting = { item: In; resolve: (out: Out) => void; reject: (error: unknown) => void };
  const waiting: Waiting[] = [];
  let underWay = 0;
  let scheduled = false;
  let patience: NodeJS.Timeout | undefined;
  let onIdle: (() => void)[] = [];

  return {
    add(item) {
      return new Promise<Out>((resolve, reject) => {
        waiting.push({ item, resolve, reject });
        schedule();
      });
    },
    idle() {
      return waiting.length === 0 && underWay === 0
        ? Promise.resolve()
        : new Promise((resolve) => onIdle.push(resolve));
    },
  };

  /** After the current turn of the event loop, so that calls made in one turn travel together. */
  function schedule(): void {
    if (scheduled || underWay >= parallel) return;
    if (underWay > 0 && waiting.length < maxSize / 2) {
      patience ??= setTimeout(leave, PATIENCE_MS);
      return;
    }
    clearTimeout(patience);
    scheduled = true;
    setImmediate(leave);
  }

  function leave(): void {
    patience = undefined;
    scheduled = false;
    do void send(waiting.splice(0, maxSize));
    while (underWay < parallel && waiting.length >= maxSize / 2);
    if (waiting.length > 0) schedule();
  }

  async function send(batch: Waiting[]): Promise<void> {
    underWay++;
    try {
      const outs = await run(batch.map((w) => w.item));
      batch.forEach((w, i) => {
        w.resolve(outs[i] as Out);
      });
    } catch (error) {
      for (const w of batch) w.reject(error);
    } finally {
      underWay--;
      if (waiting.length > 0) schedule();
      else if (underWay === 0) {
        for (const resolve of onIdle) resolve();
        onIdle = [];
      }
    }
  }
}
