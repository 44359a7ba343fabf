import { Worker } from "node:worker_threads";
import { ApiError, invalidField } from "@belfry/contract/errors.ts";
import type { IcalDates, IcalOptions } from "./ical-dates.ts";

/** What the thread is asked, and what it answers. */
export type IcalQuestion = { text: string; options: IcalOptions };
export type IcalAnswer = IcalDates | { refused: string };

/** A file of a hundred years of holidays takes some 50 ms, and starting the thread as much. */
const DEADLINE_MS = 3_000;
/** At once: nobody's files are to take more of the machine than this. */
const MAX_THREADS = 2;
const MAX_WAITING = 20;
const MEMORY_MB = 256;

const THREAD = new URL("./ical-thread.ts", import.meta.url);

let reading = 0;
const waiting: (() => void)[] = [];

/**
 * `icalDates` in a thread of its own: a recurrence rule can be written so that the search for its next occurrence never ends,
 * and no library can be asked to stop. Throws ApiError: VALIDATION_ERROR with the reason, UNAVAILABLE when too many are waiting.
 */
export async function readIcal(text: string, options: IcalOptions): Promise<IcalDates> {
  if (reading >= MAX_THREADS) await turn();
  else reading++;
  try {
    const answer = await inThread({ text, options });
    if ("refused" in answer) throw invalidField("", `the file: ${answer.refused}`);
    return answer;
  } finally {
    // Who waits takes over the place.
    const next = waiting.shift();
    if (next) next();
    else reading--;
  }
}

function turn(): Promise<void> {
  if (waiting.length >= MAX_WAITING) throw new ApiError("UNAVAILABLE", "too many files are being imported, try again");
  return new Promise((resolve) => waiting.push(resolve));
}

async function inThread(question: IcalQuestion): Promise<IcalAnswer> {
  const thread = new Worker(THREAD, { workerData: question, resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB } });
  const late = Promise.withResolvers<IcalAnswer>();
  const deadline = setTimeout(() => late.resolve({ refused: "it takes too long to read" }), DEADLINE_MS);
  try {
    return await Promise.race([late.promise, answerOf(thread)]);
  } finally {
    clearTimeout(deadline);
    await thread.terminate();
  }
}

function answerOf(thread: Worker): Promise<IcalAnswer> {
  return new Promise((resolve, reject) => {
    thread.once("message", resolve);
    thread.once("error", (error: Error & { code?: string }) =>
      error.code === "ERR_WORKER_OUT_OF_MEMORY"
        ? resolve({ refused: "it takes too much memory to read" })
        : reject(error),
    );
  });
}
