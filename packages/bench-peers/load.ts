import autocannon from "autocannon";

export type Load = {
  url: string;
  method: "GET" | "POST";
  headers?: Record<string, string>;
  /** The path of the nth request, if it is not that of the URL. */
  path?: (n: number) => string;
  /** The body of the nth request. */
  body?: (n: number) => string;
  connections: number;
  seconds: number;
};

/** Requests a second that are answered with success, on keep-alive connections. Throws if one is answered otherwise. */
export async function measureRequests({
  url,
  method,
  headers,
  path,
  body,
  connections,
  seconds,
}: Load): Promise<number> {
  let sent = 0;
  const result = await autocannon({
    url,
    connections,
    duration: seconds,
    requests: [
      {
        method,
        headers: { ...headers, ...(body && { "content-type": "application/json" }) },
        ...((path || body) && {
          setupRequest: (request) => {
            const n = sent++;
            return { ...request, ...(path && { path: path(n) }), ...(body && { body: body(n) }) };
          },
        }),
      },
    ],
  });
  const failed = result.errors + result.timeouts + result.non2xx;
  if (failed > 0)
    throw new Error(`${method} ${url}: ${failed} of ${result.requests.total} were not answered as they should be`);
  return result["2xx"] / result.duration;
}
