/** Instants are whole milliseconds since the epoch. The last one that has a four-digit year: what every party can write and read. */
export const MAX_INSTANT = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
