/**
 * Puts pieces together in one place as they come. A list of them would be dear if a server sends each byte by itself: a
 * piece that is kept costs some hundred bytes.
 */
export class Collector {
  #place: Buffer | null = null;
  length = 0;

  add(chunk: Buffer): void {
    const before = this.length;
    this.length += chunk.length;
    // Most answers come in one piece, which needs no copy.
    if (!this.#place) {
      this.#place = chunk;
      return;
    }
    if (this.length > this.#place.length) {
      const larger = Buffer.allocUnsafe(Math.max(2 * this.#place.length, this.length));
      this.#place.copy(larger, 0, 0, before);
      this.#place = larger;
    }
    chunk.copy(this.#place, before);
  }

  bytes(): Buffer {
    return this.#place?.subarray(0, this.length) ?? Buffer.alloc(0);
  }
}
