/** The function, called once in `everyMs` at most; what comes in between is dropped. For logs of errors that come in floods. */
export function rateLimited<A extends unknown[]>(call: (...args: A) => void, everyMs = 2_000): (...args: A) => void {
  let last = Number.NEGATIVE_INFINITY;
  return (...args) => {
    const now = performance.now();
    if (now - last < everyMs) return;
    last = now;
    call(...args);
  };
}
