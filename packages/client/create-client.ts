import { type Client, OPERATIONS } from "./api.ts";
import type { CallOptions } from "./call.ts";
import { type Answer, send, type Wanted } from "./send.ts";

export type ClientOptions = {
  /** Where the API is: `https://belfry.example.com`, with the path under which a proxy serves it, if there is one. */
  baseUrl: string;
  /** The account's key. May be undefined for the type only, so that `process.env.…` can be passed. */
  apiKey: string | undefined;
  /** How long a call may take in all, in milliseconds; 30 s. */
  timeoutMs?: number;
  /** Further tries of what may be asked twice: reads, and what has an idempotency key; 2. */
  retries?: number;
  /** In place of the runtime's own. */
  fetch?: typeof fetch;
};

type Operation = readonly [
  method: string,
  path: string,
  special: { isPaged?: boolean; takesKey?: boolean; bodyType?: string },
];
type Input = CallOptions & { body?: unknown; idempotencyKey?: string; [parameter: string]: unknown };

/**
 * A method for each operation of the API.
 * @throws TypeError if the address or the key cannot be one.
 */
export function createClient(options: ClientOptions): Client {
  const base = readBase(options.baseUrl);
  const authorization = `Bearer ${readKey(options.apiKey)}`;
  const { timeoutMs = 30_000, retries = 2, fetch: fetcher = fetch } = options;

  const ask = (operation: Operation, input: Input): Promise<Answer> => {
    const wanted = requestOf(base, operation, input);
    wanted.headers.authorization = authorization;
    return send(fetcher, wanted, { timeoutMs: input.timeoutMs ?? timeoutMs, retries, signal: input.signal });
  };
  const methods = Object.entries<Operation>(OPERATIONS).map(([name, operation]) => {
    const call = async (input: Input = {}) => (await ask(operation, input)).body;
    return [name, operation[2].isPaged ? Object.assign(call, { each: eachOf(ask, operation) }) : call];
  });
  // The types are made of the same document as the table.
  return Object.fromEntries(methods) as Client;
}

/** Leads through the pages of a list; what is not asked for any more is not fetched. */
function eachOf(ask: (operation: Operation, input: Input) => Promise<Answer>, operation: Operation) {
  return async function* each(input: Input = {}): AsyncGenerator<unknown, void, undefined> {
    let cursor: unknown = input.cursor;
    do {
      const { body, headers } = await ask(operation, { ...input, cursor });
      yield* body as unknown[];
      cursor = nextCursor(headers.get("link"));
    } while (cursor !== null);
  };
}

function nextCursor(link: string | null): string | null {
  const next = /<([^>]*)>;\s*rel="?next"?/.exec(link ?? "")?.[1];
  return next === undefined ? null : new URL(next, "http://here").searchParams.get("cursor");
}

/** What of the input is neither part of the path nor a word of the client's goes into the query. */
function requestOf(base: string, [method, path, special]: Operation, input: Input): Wanted {
  const { timeoutMs: _, signal: __, body, idempotencyKey, ...parameters } = input;
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = parameters[name];
    delete parameters[name];
    return pathPart(name, value);
  });
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null) query.set(name, String(value));
  }
  const { bodyType = "application/json" } = special;
  return {
    method,
    url: base + filled + (query.size > 0 ? `?${query}` : ""),
    headers: {
      ...(body !== undefined && { "content-type": bodyType }),
      // With a key of its own each call can be repeated: the API knows that it has already done it.
      ...(special.takesKey && { "idempotency-key": idempotencyKey ?? crypto.randomUUID() }),
    },
    body: body === undefined ? null : bodyType === "application/json" ? JSON.stringify(body) : String(body),
    mayRepeat: method === "GET" || special.takesKey === true,
  };
}

/** @throws TypeError for what would make the path another one. */
function pathPart(name: string, value: unknown): string {
  if (typeof value !== "string" || /^\.{0,2}$/.test(value)) {
    throw new TypeError(`${name}: must be an id, it is ${JSON.stringify(value)}`);
  }
  return encodeURIComponent(value);
}

function readBase(baseUrl: string): string {
  if (!URL.canParse(baseUrl) || !/^https?:$/.test(new URL(baseUrl).protocol)) {
    throw new TypeError(`baseUrl: must be an http or https URL, it is ${JSON.stringify(baseUrl)}`);
  }
  return baseUrl.replace(/\/+$/, "");
}

function readKey(apiKey: string | undefined): string {
  if (!apiKey) throw new TypeError("apiKey: is missing");
  if (!/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(apiKey))
    throw new TypeError("apiKey: has characters that no key has");
  return apiKey;
}
