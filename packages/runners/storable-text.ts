/**
 * Text as Postgres can hold it: U+0000 and surrogates without their partner become U+FFFD, since one of them
 * fails the whole batch that it is written in.
 */
export function toStorableText(text: string): string {
  return text.toWellFormed().replaceAll("\u0000", "\ufffd");
}

/** The longest beginning of `text` that has at most `maxBytes` bytes of UTF-8; never cuts a character in two. */
export function firstBytes(text: string, maxBytes: number): string {
  // A UTF-16 unit makes at most 3 bytes, so most texts need no counting.
  if (text.length * 3 <= maxBytes) return text;
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(maxBytes));
  return text.slice(0, read);
}
