import autocannon from "autocannon";

export type Load = {
  url: string;
  method: "GET" | "POST";
  headers?: Record<string, string>;
  /** The body of the nth request. */
  body?: (n: number) => string;
  connections: number;
  seconds: number;
};

/** Requests a second that are answered with success, on keep-alive connections. Throws if one is answered otherwise. */
export async function measureRequests({ url, method, headers, body, connections, seconds }: Load): Promise<number> {
  let sent = 0;
  const result = await autocannon({
    url,
    connections,
    duration: seconds,
    requests: [
      {
        method,
        headers: { ...headers, ...(body && { "content-type": "application/json" }) },
        ...(body && { setupRequest: (request) => ({ ...request, body: body(sent++) }) }),
      },
    ],
  });
  const failed = result.errors + result.timeouts + result.non2xx;
  if (failed > 0)
    throw new Error(`${method} ${url}: ${failed} of ${result.requests.total} were not answered as they should be`);
  return result["2xx"] / result.duration;
}
