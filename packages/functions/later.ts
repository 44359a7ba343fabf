/** Where a phase that was taken on is ended: `event.belfry.callback`, if the deployment has it. */
export type Callback = { url: string; token: string };

/** What ends it: the answer, or why there is none. `retryable: false` is what a PermanentError says. */
export type LateAnswer = { output: unknown } | { error: { message: string; retryable?: boolean } };

const TIMEOUT_MS = 30_000;
/** Before each further try, in milliseconds. Both calls may be repeated: the same answer once more is taken as the first. */
const PAUSES_MS = [500, 2000];

/** A served handler that answers this has taken the phase on (202): the work goes on, and `complete` ends it. */
export const LATER: unique symbol = Symbol.for("belfry.later");

/** Ends a phase that was taken on, also from another process. @throws Error if Belfry does not take it. */
export async function complete(callback: Callback, answer: LateAnswer): Promise<void> {
  await post(callback, "complete", jsonBody(answer));
}

/**
 * Says that the work goes on: the phase's time limit begins anew. `progress` is how far it is, from 0 to 100 percent, for
 * people who look at the execution. @throws Error if Belfry does not take it.
 */
export async function heartbeat(callback: Callback, progress?: { percent: number; text?: string }): Promise<void> {
  await post(callback, "heartbeat", progress && jsonBody(progress));
}

const jsonBody = (value: unknown): Init => ({
  body: JSON.stringify(value),
  headers: { "content-type": "application/json" },
});

type Init = { body?: string; headers?: Record<string, string> };

async function post(callback: Callback, what: string, init: Init = {}): Promise<void> {
  for (let failures = 0; ; failures++) {
    const problem = await tryOnce(callback, what, init);
    if (problem === null) return;
    const pauseMs = PAUSES_MS[failures];
    if (pauseMs === undefined || !problem.isTemporary) throw problem.error;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

async function tryOnce({ url, token }: Callback, what: string, init: Init) {
  try {
    const response = await fetch(`${url}/${what}`, {
      ...init,
      method: "POST",
      headers: { ...init.headers, authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    if (response.ok) return null;
    const error = new Error(`${what} was refused with HTTP ${response.status}: ${text.slice(0, 1000)}`);
    return { error, isTemporary: response.status >= 500 || response.status === 429 };
  } catch (error) {
    return { error, isTemporary: true };
  }
}
