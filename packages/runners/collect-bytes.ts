export type Collector = { add(chunk: Buffer): void; readonly length: number; bytes(): Buffer };

/**
 * Puts pieces together in one place as they come. A list of them would be dear if a server sends each byte by itself: a
 * piece that is kept costs some hundred bytes.
 */
export function collectBytes(): Collector {
  let place: Buffer = Buffer.alloc(0);
  let length = 0;
  return {
    add(chunk) {
      if (length === 0) {
        // Most answers come in one piece, which needs no copy.
        place = chunk;
        length = chunk.length;
        return;
      }
      if (length + chunk.length > place.length) {
        const larger = Buffer.allocUnsafe(Math.max(2 * place.length, length + chunk.length));
        place.copy(larger, 0, 0, length);
        place = larger;
      }
      chunk.copy(place, length);
      length += chunk.length;
    },
    get length() {
      return length;
    },
    bytes: () => place.subarray(0, length),
  };
}
