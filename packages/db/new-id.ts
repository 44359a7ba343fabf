import { randomUUIDv7 } from "node:crypto";

const COUNTS = 0x1000;
let time = 0;
let count = 0;

/**
 * A UUIDv7 greater than all that this process has made before, so that what is listed by its id is listed in the order
 * in which it was made: Node's own are in no order within a millisecond. The 12 bits after the time count up (RFC 9562,
 * section 6.2, method 1); past 4,096 in one millisecond, or when the clock is set back, the ids run ahead of it.
 */
export function newId(now: number = Date.now()): string {
  if (now > time) {
    time = now;
    count = 0;
  } else if (++count === COUNTS) {
    time += 1;
    count = 0;
  }
  const ms = time.toString(16).padStart(12, "0");
  return `${ms.slice(0, 8)}-${ms.slice(8)}-7${count.toString(16).padStart(3, "0")}-${randomUUIDv7().slice(19)}`;
}
