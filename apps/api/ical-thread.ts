import { parentPort, workerData } from "node:worker_threads";
import { icalDates } from "./ical-dates.ts";
import { IcalError } from "./ical-times.ts";
import type { IcalAnswer, IcalQuestion } from "./read-ical.ts";

const { text, options } = workerData as IcalQuestion;
parentPort?.postMessage(answer());

function answer(): IcalAnswer {
  try {
    return icalDates(text, options);
  } catch (error) {
    if (error instanceof IcalError) return { refused: error.message };
    throw error;
  }
}
