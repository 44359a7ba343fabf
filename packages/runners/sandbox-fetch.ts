import type { Dispatcher } from "undici";
import { describeThrown } from "./describe-thrown.ts";
import type { HttpClient } from "./http-client.ts";
import { isListed } from "./sandbox-hosts.ts";
import type { FetchAnswer } from "./sandbox-messages.ts";

/** Of a request's body, and of an answer's. */
const BODY_MAX_BYTES = 1024 * 1024;
const MAX_REDIRECTS = 3;
const MAX_HEADERS = 50;

/** Names that belong to the connection or to us. */
const RESERVED =
  /^(?:accept-encoding|connection|content-length|expect|host|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade)$/;
/** What a request to another origin does not take along. */
const OF_ONE_ORIGIN = /^(?:authorization|cookie)$/;

type Request = { url: URL; method: string; headers: Map<string, string>; body: string | null; follow: boolean };

/**
 * Does what a function has asked `fetch` for, as far as its list of hosts allows. `request` is JSON text of an untrusted
 * origin. Never rejects: what went wrong is an answer that the function's promise is rejected with; its `code` is
 * `TARGET_BLOCKED` if the function may not go there, else `FETCH_FAILED`.
 */
export async function fetchForSandbox(
  client: HttpClient,
  hosts: readonly string[],
  request: string,
  signal: AbortSignal,
): Promise<FetchAnswer> {
  try {
    return await follow(client, hosts, readRequest(request), signal);
  } catch (thrown) {
    return {
      ok: false,
      message: `fetch: ${describeThrown(thrown)}`,
      code: isBlocked(thrown) ? "TARGET_BLOCKED" : "FETCH_FAILED",
    };
  }
}

async function follow(
  client: HttpClient,
  hosts: readonly string[],
  first: Request,
  signal: AbortSignal,
): Promise<FetchAnswer> {
  let request = first;
  for (let redirects = 0; ; redirects++) {
    const { url } = request;
    assertListed(url, hosts);
    const answer = await client.slots.hold(url.origin, signal, () => ask(client, request, signal));
    if (!("redirect" in answer)) return answer;
    if (redirects === MAX_REDIRECTS) throw new Error(`more than ${MAX_REDIRECTS} redirects`);
    request = redirected(request, answer.redirect, answer.status);
  }
}

async function ask(
  client: HttpClient,
  request: Request,
  signal: AbortSignal,
): Promise<FetchAnswer | { redirect: URL; status: number }> {
  const response = await send(client, request, signal);
  const redirect = request.follow ? redirectTarget(response, request.url) : null;
  if (!redirect) return readAnswer(response, request.url);
  await response.body.dump().catch(() => undefined);
  return { redirect, status: response.statusCode };
}

function assertListed(url: URL, hosts: readonly string[]): void {
  if (isListed(url, hosts)) return;
  const message = `${url.host || url.protocol} is not among the hosts of this function`;
  throw Object.assign(new Error(message), { code: "TARGET_BLOCKED" });
}

/** Also what the client's own guard refuses. */
function isBlocked(thrown: unknown): boolean {
  for (let error = thrown; error instanceof Error; error = error.cause) {
    if (error.name === "TargetBlocked" || ("code" in error && error.code === "TARGET_BLOCKED")) return true;
  }
  return false;
}

function readRequest(text: string): Request {
  const given = JSON.parse(text) as Record<string, unknown>;
  const url = new URL(String(given.url));
  if (url.protocol !== "http:" && url.protocol !== "https:") throw new TypeError("only http and https can be fetched");
  if (url.username || url.password) throw new TypeError("a URL must not contain a user name or password");
  const method = String(given.method ?? "GET").toUpperCase();
  if (!/^(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)$/.test(method))
    throw new TypeError("the method is none that can be used");
  const body = typeof given.body === "string" ? given.body : null;
  if (body !== null && (method === "GET" || method === "HEAD")) throw new TypeError(`a ${method} has no body`);
  if (body !== null && Buffer.byteLength(body) > BODY_MAX_BYTES)
    throw new TypeError(`the body is larger than ${BODY_MAX_BYTES} bytes`);
  const headers = readHeaders(given.headers);
  if (body !== null && !headers.has("content-type")) headers.set("content-type", "text/plain;charset=UTF-8");
  return { url, method, headers, body, follow: given.redirect !== "manual" };
}

function readHeaders(given: unknown): Map<string, string> {
  const headers = new Map<string, string>([["user-agent", "belfry"]]);
  if (given === undefined || given === null) return headers;
  const pairs: unknown[] = Array.isArray(given) ? given : Object.entries(given);
  if (pairs.length > MAX_HEADERS) throw new TypeError(`at most ${MAX_HEADERS} headers`);
  for (const pair of pairs) {
    const [name, value] = Array.isArray(pair) ? [String(pair[0]).toLowerCase(), String(pair[1])] : ["", ""];
    if (!/^[a-z0-9!#$%&'*+.^_`|~-]{1,100}$/.test(name)) throw new TypeError("a header's name is none");
    if (RESERVED.test(name)) throw new TypeError(`the header ${name} cannot be set`);
    if (!/^[\t\x20-\x7e]{0,4096}$/.test(value))
      throw new TypeError(`the header ${name} must be printable ASCII of at most 4096 characters`);
    headers.set(name, value);
  }
  return headers;
}

function send(
  client: HttpClient,
  { url, method, headers, body }: Request,
  signal: AbortSignal,
): Promise<Dispatcher.ResponseData> {
  return client.agent.request({
    origin: url.origin,
    path: url.pathname + url.search,
    method: method as Dispatcher.HttpMethod,
    headers: new Map([...headers, ["accept-encoding", "identity"]]),
    body,
    signal,
  });
}

/** Where a response sends on to, or null. */
function redirectTarget({ statusCode, headers }: Dispatcher.ResponseData, from: URL): URL | null {
  if (![301, 302, 303, 307, 308].includes(statusCode) || headers.location === undefined) return null;
  const target = new URL(String(headers.location), from);
  if (target.protocol !== "http:" && target.protocol !== "https:")
    throw new Error("a redirect leads to neither http nor https");
  if (target.username || target.password) throw new Error("a redirect leads to a URL with a user name or password");
  return target;
}

/** The request to where a redirect leads, as browsers make it. */
function redirected(request: Request, url: URL, status: number): Request {
  const becomesGet = status === 303 ? request.method !== "HEAD" : status < 303 && request.method === "POST";
  const dropped = (name: string) =>
    (url.origin !== request.url.origin && OF_ONE_ORIGIN.test(name)) || (becomesGet && name.startsWith("content-"));
  const headers = new Map([...request.headers].filter(([name]) => !dropped(name)));
  return { ...request, url, headers, ...(becomesGet && { method: "GET", body: null }) };
}

async function readAnswer(response: Dispatcher.ResponseData, url: URL): Promise<FetchAnswer> {
  const { statusCode: status, statusText, headers } = response;
  const body = await readBody(response);
  const pairs = Object.entries(headers).map(([name, value]): [string, string] => [
    name,
    [value ?? ""].flat().join(", "),
  ]);
  return { ok: true, status, statusText: statusText ?? "", url: url.href, headers: pairs, body };
}

async function readBody(response: Dispatcher.ResponseData): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response.body) {
      bytes += (chunk as Buffer).length;
      if (bytes > BODY_MAX_BYTES) throw new Error(TOO_LARGE);
      chunks.push(chunk as Buffer);
    }
  } catch (thrown) {
    // The client has a limit of its own.
    const tooLarge = thrown instanceof Error && "code" in thrown && thrown.code === "UND_ERR_RES_EXCEEDED_MAX_SIZE";
    throw tooLarge ? new Error(TOO_LARGE) : thrown;
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}

const TOO_LARGE = `the answer is larger than ${BODY_MAX_BYTES} bytes`;
