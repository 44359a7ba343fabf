import { expect, it } from "vitest";
import { normaliseExpression } from "./cron-fields.ts";
import { cronWords } from "./cron-words.ts";

it.each([
  ["0 9 * * *", "At 09:00, every day"],
  ["0 9 * * 1-5", "At 09:00, Monday to Friday"],
  ["15 30 9,17 * * sun", "At 09:30:15 and 17:30:15, every Sunday"],
  ["0 0 1 1 *", "At 00:00, on the 1st of January"],
  ["0 9 * 6-8 *", "At 09:00, every day in June to August"],
  ["0 9 * 1 1", "At 09:00, every Monday in January"],
  ["* * * * *", "Every minute"],
  ["* * * * * *", "Every second"],
  ["*/10 * * * * *", "Every 10 seconds"],
  ["*/5 10 * * * *", "Every 5 seconds of minute 10"],
  ["30 * * * * *", "At second 30 of every minute"],
  ["10,50 59 23 * * *", "At seconds 10 and 50 of minute 59 of the hour 23"],
  ["*/15 9-17 * * 1-5", "Every 15 minutes from 09:00 to 17:59, Monday to Friday"],
  ["6-59/15 * * * *", "Every 15 minutes from minute 6"],
  // Not every 7 minutes: there are four from minute 56 to the next hour.
  ["*/7 1-3,8 * * *", "At minutes 0, 7, 14, 21, 28, 35, 42, 49 and 56 of the hours 1 to 3 and 8"],
  ["0 * * * *", "Every hour"],
  ["5 * * * *", "At minute 5 of every hour"],
  ["0 9-17 * * *", "Every hour from 09:00 to 17:00"],
  ["30 9-17 * * *", "At minute 30 of every hour from 09:00 to 17:59"],
  ["20 */2 * * *", "At minute 20 of every 2nd hour"],
  ["0 9 1,15 * *", "At 09:00, on the 1st and 15th of every month"],
  ["0 9 */2 * *", "At 09:00, on every 2nd day from the 1st of every month"],
  ["0 9 15,L * *", "At 09:00, on the 15th and the last day of every month"],
  ["0 9 L-3 * *", "At 09:00, on the 3rd day before the last of every month"],
  ["0 9 LW 3 *", "At 09:00, on the last weekday of March"],
  ["0 9 15W * *", "At 09:00, on the weekday nearest to the 15th of every month"],
  ["0 9 * * 1#2,FRIL", "At 09:00, on the second Monday and last Friday of every month"],
  // Either decides.
  ["0 9 13 * FRI", "At 09:00, on the 13th of every month or every Friday"],
])("%s is told as: %s", (text, words) => {
  expect(cronWords(normaliseExpression(text))).toBe(words);
});
