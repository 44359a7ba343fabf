import { exchange, type HttpAnswer, type HttpRequest } from "./exchange.ts";
import type { HttpClient } from "./http-client.ts";

const MAX_HOPS = 3;

export type Posting = Omit<HttpRequest, "headers"> & {
  /** Asked for each request just before it is sent. `sameOrigin` is false once a redirect has led to another origin. */
  headersFor: (sameOrigin: boolean) => string[] | Promise<string[]>;
};

/** An answer, and if it is a redirect why that was not followed. */
export type FinalAnswer = HttpAnswer & { notFollowed?: string };

/**
 * Posts, and posts again where a 307 or 308 leads to: only these keep method and body. Each hop is guarded like the
 * first request, since it goes through the same connections. What the function's headers tell to one origin, which may
 * be a password, is not told to another, nor to the first again when a redirect comes back to it.
 */
export async function postFollowing(client: HttpClient, posting: Posting): Promise<FinalAnswer> {
  const { body, limits, signal, headersFor } = posting;
  let { url } = posting;
  let sameOrigin = true;
  for (let hop = 0; ; hop += 1) {
    const send = (headers: string[]) => exchange(client.agent, { url, headers, body, limits, signal });
    const answer = await client.slots.hold(url.origin, signal, () => {
      const headers = headersFor(sameOrigin);
      return Array.isArray(headers) ? send(headers) : headers.then(send);
    });
    if (answer.status < 300 || answer.status > 399) return answer;
    const next = nextOf(answer, url, hop);
    if (typeof next === "string") return { ...answer, notFollowed: next };
    sameOrigin &&= next.origin === url.origin;
    url = next;
  }
}

function nextOf({ status, headers }: HttpAnswer, from: URL, hop: number): URL | string {
  if (status !== 307 && status !== 308) return "of redirects only 307 and 308 are followed";
  if (hop === MAX_HOPS) return `more than ${MAX_HOPS} redirects are not followed`;
  const to = typeof headers.location === "string" ? URL.parse(headers.location, from.href) : null;
  if (!to || !/^https?:$/.test(to.protocol)) return "it leads to nothing that can be called";
  if (to.username !== "" || to.password !== "") return "redirects with a user name or password are not followed";
  if (from.protocol === "https:" && to.protocol === "http:") return "redirects from https to http are not followed";
  return to;
}
