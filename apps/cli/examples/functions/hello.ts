import { defineFunction } from "@belfry/functions";

/** A check that decides what to say, and a perform that says it. */
export default defineFunction<{ greeting: string }>({
  name: "hello",
  description: "Greets whoever the job's payload names.",

  check(_event, { scheduledFor }) {
    const hour = scheduledFor.getUTCHours();
    return { shouldPerform: true, performPayload: { greeting: hour < 12 ? "Good morning" : "Hello" } };
  },

  perform(event, { payload, logger }) {
    const name = typeof payload === "object" && payload !== null && "name" in payload ? payload.name : "world";
    const text = `${event.greeting}, ${name}!`;
    logger.info(text);
    return { text };
  },
});
