import type { Readable } from "node:stream";
import { ApiError } from "@belfry/contract/errors.ts";

/** A line without its end; the first is 1. */
export type Line = { line: number; bytes: Buffer };

const NEWLINE = 0x0a;
const BLANK = /^[ \t\r]*$/;

/** The stream could not be read to its end: what is wrong, and with which line. */
export class LinesBroken extends Error {
  readonly line: number;
  readonly why: ApiError;
  constructor(line: number, why: ApiError) {
    super(why.message);
    this.line = line;
    this.why = why;
  }
}

/**
 * The lines of a stream that are not blank, in batches of up to `batch.lines` or, if they are long, of about `batch.bytes`. Takes
 * no more from the stream than it is asked for, and leaves it open, so that an answer can still go out on its connection.
 * Throws LinesBroken for a line of more than `maxBytes` and for one that breaks off in the middle of the stream.
 */
export async function* readLines(
  stream: Readable,
  { maxBytes, batch }: { maxBytes: number; batch: { lines: number; bytes: number } },
): AsyncGenerator<Line[]> {
  let line = 0;
  let begun: Buffer[] = [];
  let begunBytes = 0;
  let lines: Line[] = [];
  let bytes = 0;

  try {
    for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      let start = 0;
      for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
        endLine(chunk.subarray(start, end));
        start = end + 1;
        if (lines.length >= batch.lines || bytes >= batch.bytes) yield takeBatch();
      }
      begin(chunk.subarray(start));
    }
    if (begunBytes > 0) endLine(Buffer.alloc(0));
  } catch (error) {
    if (lines.length > 0) yield takeBatch();
    throw error instanceof LinesBroken ? error : new LinesBroken(line + 1, BROKEN_OFF);
  }
  if (lines.length > 0) yield takeBatch();

  function begin(part: Buffer): void {
    begunBytes += part.length;
    if (begunBytes > maxBytes) throw new LinesBroken(line + 1, tooLong(maxBytes));
    if (part.length > 0) begun.push(part);
  }

  function endLine(part: Buffer): void {
    begin(part);
    const whole = begun.length === 1 ? (begun[0] as Buffer) : Buffer.concat(begun);
    line++;
    begun = [];
    begunBytes = 0;
    if (whole.length < 100 && BLANK.test(whole.toString("latin1"))) return;
    lines.push({ line, bytes: whole });
    bytes += whole.length;
  }

  function takeBatch(): Line[] {
    const taken = lines;
    lines = [];
    bytes = 0;
    return taken;
  }
}

const BROKEN_OFF = new ApiError("BAD_REQUEST", "the body breaks off");

const tooLong = (maxBytes: number): ApiError =>
  new ApiError("PAYLOAD_TOO_LARGE", `the line is longer than ${maxBytes / 1024 / 1024} MiB`);
