/** What every call may be given besides its input. */
export type CallOptions = {
  /** How long the call may take in all, further tries included, in milliseconds; the client's own limit if absent. */
  timeoutMs?: number;
  /** Gives the call up. What it asked for may have happened all the same. */
  signal?: AbortSignal;
};

/** No input is needed if nothing of it is. */
type Given<Input extends object> =
  Partial<Input> extends Input ? [input?: Input & CallOptions] : [input: Input & CallOptions];

/** @throws BelfryError, also for an answer that does not come in time; and the reason of the signal. */
export type Call<Input extends object, Answer> = (...input: Given<Input>) => Promise<Answer>;

/** Answers one page. `each` leads through all of them, and asks for the next one when it is needed. */
export type List<Input extends object, Item> = Call<Input, Item[]> & {
  each: (...input: Given<Input>) => AsyncGenerator<Item, void, undefined>;
};
