import type { LogLevel } from "./sandbox-messages.ts";

/** What the prelude calls in the host. Texts only: nothing else crosses. */
export type PreludeHost = {
  log: (level: LogLevel, text: string) => void;
  fetch: (fetchId: number, request: string) => void;
  uuid: () => string;
  answered: (answer: string) => void;
  failed: (failure: string) => void;
};

/** What the host calls in the sandbox, with texts as well. */
export type Prelude = {
  /** Four words of chance, before anything else of a call: what was made once for many calls has none of its own. */
  seed: (a: number, b: number, c: number, d: number) => void;
  call: (namespace: object, event: string, run: string) => void;
  settleFetch: (fetchId: number, answer: string) => void;
  describe: (namespace: object) => string;
};

/** The module `@belfry/functions` as a sandbox has it. The names of the symbols are those of the package. */
export const BUILT_IN_MODULE = `
const fields = new Set(["name", "description", "check", "perform"]);
export function defineFunction(definition) {
  if (typeof definition !== "object" || definition === null) throw new TypeError("defineFunction: needs an object { name, perform, … }");
  for (const key of Object.keys(definition)) {
    if (!fields.has(key)) throw new TypeError("defineFunction: a sandbox function has no " + key + ", the fields are name, description, check, perform");
  }
  const { check, perform } = definition;
  if (typeof perform !== "function") throw new TypeError("defineFunction: perform: must be a function");
  if (check !== undefined && typeof check !== "function") throw new TypeError("defineFunction: check: must be a function");
  return Object.freeze({ [Symbol.for("belfry.function")]: true, check, perform });
}
export class PermanentError extends Error {
  constructor(message, options) {
    super(message, options);
    this.name = "PermanentError";
    this[Symbol.for("belfry.permanent-error")] = true;
  }
}
`;

/**
 * Runs inside the sandbox, before the function's code: its source text is what is evaluated there, so it uses nothing
 * from outside itself. It makes the globals that QuickJS lacks and calls the handler. What it needs of the language it
 * takes at once: the function may change every prototype, which is then its own trouble and not ours.
 */
export function prelude(host: PreludeHost): Prelude {
  const { log, fetch: startFetch, uuid, answered, failed } = host;
  const { parse, stringify } = JSON;
  const { apply, get } = Reflect;
  const { slice, replace, toWellFormed } = String.prototype;
  const { fromCharCode } = String;
  const { freeze, defineProperty, entries } = Object;
  const [textOf, ErrorOf, TypeErrorOf, PromiseOf, DateOf] = [String, Error, TypeError, Promise, Date];
  const MAX_ANSWER = 1024 * 1024;
  const MAX_LINE = 64 * 1024;

  const cut = (text: string, length: number): string => apply(slice, text, [0, length]) as string;
  const define = (name: string, value: unknown) =>
    defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });

  /** For people: text as it is, JSON for what JSON can say, errors with where they come from. */
  const print = (value: unknown): string => {
    try {
      if (typeof value === "string") return value;
      if (value instanceof ErrorOf) return `${textOf(value)}${value.stack ? `\n${value.stack}` : ""}`;
      if (typeof value === "object" && value !== null) return stringify(value) ?? textOf(value);
      return textOf(value);
    } catch {
      return "[cannot be formatted]";
    }
  };
  const logAt =
    (level: LogLevel) =>
    (...args: unknown[]) => {
      let line = "";
      for (let i = 0; i < args.length && line.length < MAX_LINE; i++) line += (i === 0 ? "" : " ") + print(args[i]);
      // A text leaves as a C string in UTF-8, which U+0000 ends and which has no lone surrogates.
      log(level, apply(replace, apply(toWellFormed, cut(line, MAX_LINE), []), [/\0/g, "\ufffd"]) as string);
    };
  const logger = freeze({ debug: logAt("debug"), info: logAt("info"), warn: logAt("warn"), error: logAt("error") });
  define("console", freeze({ ...logger, log: logger.info, trace: logger.debug }));
  define("crypto", freeze({ randomUUID: () => uuid() }));

  // sfc32 of PractRand, twice for 53 bits.
  let [sa, sb, sc, sd] = [0, 0, 0, 0];
  const word = () => {
    const t = (((sa + sb) | 0) + sd) | 0;
    sd = (sd + 1) | 0;
    sa = sb ^ (sb >>> 9);
    sb = (sc + (sc << 3)) | 0;
    sc = (((sc << 21) | (sc >>> 11)) + t) | 0;
    return t >>> 0;
  };
  const seed = (a: number, b: number, c: number, d: number) => {
    [sa, sb, sc, sd] = [a, b, c, d];
    for (let i = 0; i < 12; i++) word();
  };
  Math.random = () => ((word() >>> 5) * 67108864 + (word() >>> 6)) / 9007199254740992;

  /** One per call of fetch that was not answered yet. */
  const waiting: Record<number, { resolve: (value: unknown) => void; reject: (error: unknown) => void }> = {
    __proto__: null,
  } as never;
  let fetches = 0;
  define("fetch", (input: unknown, init: Record<string, unknown> = {}) => {
    return new PromiseOf((resolve, reject) => {
      const { method, headers, body, redirect } = init;
      if (body !== undefined && body !== null && typeof body !== "string")
        throw new TypeErrorOf("fetch: a body is a string");
      const request = stringify({ url: textOf(input), method, headers, body, redirect });
      if (request.length > 2 * MAX_ANSWER) throw new TypeErrorOf("fetch: the request is larger than 1048576 bytes");
      const id = ++fetches;
      waiting[id] = { resolve, reject };
      startFetch(id, request);
    });
  });
  const settleFetch = (id: number, text: string) => {
    const mine = waiting[id];
    if (!mine) return;
    delete waiting[id];
    const answer = parse(text);
    if (answer.ok) return mine.resolve(toResponse(answer));
    const error = new TypeErrorOf(answer.message) as TypeError & { code: string };
    error.code = answer.code;
    mine.reject(error);
  };
  type Answer = { status: number; statusText: string; url: string; headers: [string, string][]; body: string };
  const toResponse = ({ status, statusText, url, headers, body }: Answer) => {
    const all = new Map(headers);
    const read = {
      get: (name: unknown) => all.get(textOf(name).toLowerCase()) ?? null,
      has: (name: unknown) => all.has(textOf(name).toLowerCase()),
      entries: () => all.entries(),
      [Symbol.iterator]: () => all.entries(),
    };
    const ok = status >= 200 && status <= 299;
    return freeze({
      status,
      statusText,
      ok,
      url,
      headers: freeze(read),
      text: async () => body,
      json: async () => parse(body),
    });
  };

  define(
    "TextEncoder",
    class {
      encode(input: unknown = "") {
        const bytes = [];
        for (const character of textOf(input)) {
          let code = character.codePointAt(0) as number;
          if (code >= 0xd800 && code <= 0xdfff) code = 0xfffd;
          if (code < 0x80) bytes.push(code);
          else if (code < 0x800) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 63));
          else if (code < 0x10000) bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
          else
            bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
        }
        return new Uint8Array(bytes);
      }
    },
  );
  define(
    "TextDecoder",
    class {
      decode(bytes: Uint8Array = new Uint8Array()) {
        let text = "";
        for (let i = 0; i < bytes.length; ) {
          const first = bytes[i++] as number;
          if (first < 0x80) {
            text += fromCharCode(first);
            continue;
          }
          // How many bytes follow, and between what the first of them lies (Unicode, table 3-7).
          const more = first < 0xc2 || first > 0xf4 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
          let low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
          let high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
          let code = first & (63 >> more);
          let read = 0;
          for (; read < more; read++) {
            const next = bytes[i] ?? 0;
            if (next < low || next > high) break;
            code = (code << 6) | (next & 63);
            [low, high] = [0x80, 0xbf];
            i += 1;
          }
          const right = more > 0 && read === more;
          text += right ? String.fromCodePoint(code) : "\ufffd";
        }
        return text;
      }
    },
  );
  const SIXTY_FOUR = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  define("btoa", (input: unknown) => {
    const text = textOf(input);
    let out = "";
    for (let i = 0; i < text.length; i += 3) {
      const [a, b, c] = [text.charCodeAt(i), text.charCodeAt(i + 1), text.charCodeAt(i + 2)] as [
        number,
        number,
        number,
      ];
      if (a > 255 || b > 255 || c > 255) throw new TypeErrorOf("btoa: a character is beyond U+00FF");
      const n = (a << 16) | ((b || 0) << 8) | (c || 0);
      out += SIXTY_FOUR[n >> 18] as string;
      out += SIXTY_FOUR[(n >> 12) & 63] as string;
      out += i + 1 < text.length ? SIXTY_FOUR[(n >> 6) & 63] : "=";
      out += i + 2 < text.length ? SIXTY_FOUR[n & 63] : "=";
    }
    return out;
  });
  define("atob", (input: unknown) => {
    const text = apply(replace, textOf(input), [/[\t\n\f\r ]|={1,2}\s*$/g, ""]) as string;
    if (/[^A-Za-z0-9+/]/.test(text) || text.length % 4 === 1) throw new TypeErrorOf("atob: not base64");
    let out = "";
    let [bits, count] = [0, 0];
    for (let i = 0; i < text.length; i++) {
      bits = (bits << 6) | SIXTY_FOUR.indexOf(text[i] as string);
      count += 6;
      if (count < 8) continue;
      count -= 8;
      out += fromCharCode((bits >> count) & 255);
    }
    return out;
  });

  type Handler = (event: unknown, context: unknown) => unknown;
  type Handlers = { handler: Handler | null; check: Handler | null; perform: Handler | null };
  const functionOr = (value: unknown): Handler | null => (typeof value === "function" ? (value as Handler) : null);
  /** The handlers of a module: its default export, if `defineFunction` made it, or what it exports by these names. */
  const handlersOf = (namespace: object): Handlers => {
    const defined = get(namespace, "default") as Record<PropertyKey, unknown> | undefined;
    const from = typeof defined === "object" && defined?.[Symbol.for("belfry.function")] ? defined : namespace;
    return {
      handler: functionOr(get(from, "handler")),
      check: functionOr(get(from, "check")),
      perform: functionOr(get(from, "perform")),
    };
  };
  const permanentMark = Symbol.for("belfry.permanent-error");
  const isPermanent = (thrown: unknown): boolean => {
    let error = thrown;
    for (let depth = 0; depth < 100 && typeof error === "object" && error !== null; depth++) {
      if (permanentMark in error) return true;
      error = (error as { cause?: unknown }).cause;
    }
    return false;
  };

  const call = async (namespace: object, eventText: string, runText: string) => {
    let reason = "thrown";
    try {
      const event = parse(eventText);
      const run = parse(runText);
      const context = freeze({
        ...run,
        logger,
        scheduledFor: new DateOf(run.scheduledFor),
        payload: event.belfry.payload,
      });
      const { handler, check, perform } = handlersOf(namespace);
      const mine = event.phase === "check" ? check : perform;
      // Whoever calls asks first whether there is a check; one that is not there would always perform.
      const called = mine ?? handler ?? (event.phase === "check" ? () => ({ shouldPerform: true }) : null);
      if (!called) throw new ErrorOf(`the source exports neither ${event.phase} nor handler`);
      const value = await called(event, context);
      reason = "answer";
      const answer = stringify(value) ?? "null";
      if (answer.length > MAX_ANSWER) throw new ErrorOf(`it is larger than ${MAX_ANSWER} bytes`);
      answered(answer);
    } catch (thrown) {
      let message = "threw something that cannot be described";
      let permanent = false;
      let where = "";
      let memory = false;
      try {
        permanent = isPermanent(thrown);
        const isError = thrown instanceof ErrorOf;
        memory = isError && thrown.name === "InternalError" && thrown.message === "out of memory";
        message = isError
          ? textOf(thrown.message || thrown.name || "unknown error")
          : typeof thrown === "string" && thrown !== ""
            ? thrown
            : `threw ${print(thrown)}`;
        where = isError ? textOf(thrown.stack ?? "") : "";
      } catch {
        // What was thrown is a trap itself.
      }
      failed(
        stringify({
          reason: memory ? "memory" : reason,
          message: cut(message, 4096),
          permanent,
          where: cut(where, 2048),
        }),
      );
    }
  };

  return {
    call: (namespace, event, run) => void call(namespace, event, run),
    settleFetch,
    seed,
    describe(namespace) {
      const { handler, check, perform } = handlersOf(namespace);
      return stringify({
        runs: perform !== null || handler !== null,
        check: check !== null || handler !== null,
        entries: entries(namespace).length,
      });
    },
  };
}
