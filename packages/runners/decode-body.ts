import { type Transform, Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw, createZstdDecompress } from "node:zlib";
import { describeThrown } from "./describe-thrown.ts";
import { ANSWER_MAX_BYTES, ERROR_BODY_BYTES, type HttpAnswer, isOk, tooLarge } from "./exchange.ts";
import { PhaseFailure } from "./phase-failure.ts";

/**
 * The body of an answer as its server meant it. Decoding ends at the limit, so that what a few bytes unfold to is never
 * in memory. Of an answer other than 2xx it is the beginning, as far as it can be read.
 * @throws PhaseFailure HTTP_FAILED, of a 2xx only, if it is too large, or not encoded as it says.
 */
export function decodeBody({ status, headers, body }: HttpAnswer): Buffer | Promise<Buffer> {
  const encoding = String(headers["content-encoding"] ?? "")
    .trim()
    .toLowerCase();
  if (encoding === "" || encoding === "identity" || body.length === 0)
    return isOk(status) ? body : body.subarray(0, ERROR_BODY_BYTES);
  return decode(encoding, isOk(status), body);
}

async function decode(encoding: string, ok: boolean, body: Buffer): Promise<Buffer> {
  const decoder = DECODERS[encoding]?.(body);
  if (!decoder && ok)
    throw notAsItSays(`is encoded as "${encoding}", of which only one of gzip, deflate, br and zstd is understood`);
  if (!decoder) return Buffer.alloc(0);
  const { decoded, more, broken } = await decodeUpTo(ok ? ANSWER_MAX_BYTES : ERROR_BODY_BYTES, decoder, body);
  if (more && ok) throw tooLarge();
  if (broken && ok)
    throw notAsItSays(`says that it is encoded as ${encoding} and cannot be decoded: ${describeThrown(broken)}`);
  return decoded;
}

/** What it means to say, and has done, it would do again. */
function notAsItSays(what: string): PhaseFailure {
  return new PhaseFailure("HTTP_FAILED", `the function's answer ${what}`, { retryable: false });
}

const DECODERS: Record<string, (body: Buffer) => Transform> = {
  gzip: () => createGunzip(),
  "x-gzip": () => createGunzip(),
  // Meant is zlib's format; there are servers that send what is inside of it. A zlib header begins with method 8.
  deflate: (body) => (((body[0] as number) & 0x0f) === 8 ? createInflate() : createInflateRaw()),
  br: () => createBrotliDecompress(),
  zstd: () => createZstdDecompress(),
};
Object.setPrototypeOf(DECODERS, null);

type Decoded = { decoded: Buffer; more: boolean; broken: Error | null };

async function decodeUpTo(maxBytes: number, decoder: Transform, body: Buffer): Promise<Decoded> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const sink = new Writable({
    write(chunk: Buffer, _, done) {
      chunks.push(chunk);
      bytes += chunk.length;
      // Nothing more is asked of the decoder: it makes one piece after the other, each when the last was taken.
      done(bytes > maxBytes ? new Error("enough") : null);
    },
  });
  let broken: Error | null = null;
  try {
    decoder.on("error", (error) => sink.destroy(error));
    decoder.pipe(sink);
    decoder.end(body);
    await finished(sink);
  } catch (error) {
    broken = error as Error;
  }
  decoder.destroy();
  return { decoded: Buffer.concat(chunks).subarray(0, maxBytes), more: bytes > maxBytes, broken };
}
