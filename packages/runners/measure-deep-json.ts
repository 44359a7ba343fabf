/** Where the walk gives up. A document of 1 MiB on which `JSON.stringify` overflows has at most 175,000 levels, two steps each. */
const MAX_STEPS = 500_000;

type Level = { container: object; keys: string[] | null; next: number; length: number; written: boolean };

/**
 * Size, depth and beginning of the JSON text of a value on which `JSON.stringify` overflowed. It keeps its own stack,
 * so depth costs memory and nothing else, and after half a million steps it stops and says what it has seen by then:
 * an object whose `toJSON` answers a new one each time has no end.
 * `bytes` counts UTF-8 bytes; `beginning` has at least `keepChars` characters of the text, if there are as many.
 * @throws TypeError for a cycle or a BigInt, and whatever a `toJSON` or a getter throws.
 */
export function measureDeepJson(root: unknown, keepChars: number): { bytes: number; depth: number; beginning: string } {
  const stack: Level[] = [];
  const ancestors = new Set<object>();
  let bytes = 0;
  let depth = 0;
  let beginning = "";

  const write = (text: string) => {
    bytes += Buffer.byteLength(text);
    if (beginning.length < keepChars) beginning += text.slice(0, keepChars);
  };
  const enter = (value: unknown) => {
    if (typeof value !== "object" || value === null) return write(JSON.stringify(value) ?? "null");
    if (ancestors.has(value)) throw new TypeError("cyclic structure");
    const keys = Array.isArray(value) ? null : Object.keys(value);
    stack.push({
      container: value,
      keys,
      next: 0,
      length: keys?.length ?? (value as unknown[]).length,
      written: false,
    });
    ancestors.add(value);
    depth = Math.max(depth, stack.length);
    write(keys ? "{" : "[");
  };

  enter(plain(root, ""));
  for (let step = 0; stack.length > 0 && step < MAX_STEPS; step++) {
    const level = stack.at(-1) as Level;
    if (level.next === level.length) {
      write(level.keys ? "}" : "]");
      ancestors.delete(level.container);
      stack.pop();
      continue;
    }
    const key = level.keys ? (level.keys[level.next] as string) : String(level.next);
    level.next++;
    const value = plain((level.container as Record<string, unknown>)[key], key);
    if (level.keys && isDropped(value)) continue;
    if (level.written) write(",");
    if (level.keys) write(`${JSON.stringify(key)}:`);
    level.written = true;
    enter(value);
  }
  return { bytes, depth, beginning };
}

function plain(value: unknown, key: string): unknown {
  const { toJSON } = (value ?? {}) as { toJSON?: unknown };
  return typeof toJSON === "function" ? toJSON.call(value, key) : value;
}

function isDropped(value: unknown): boolean {
  return value === undefined || typeof value === "function" || typeof value === "symbol";
}
