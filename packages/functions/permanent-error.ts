/** Registered by name, so that an error made by another copy of this package is recognised too. */
const PERMANENT: unique symbol = Symbol.for("belfry.permanent-error");
/** Chains of causes may be endless; nobody wraps an error that often. */
const MAX_CAUSES = 100;

/** Thrown by a module's check or perform when another attempt could not end otherwise: the execution fails at once. */
export class PermanentError extends Error {
  readonly [PERMANENT] = true;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "PermanentError";
  }
}

/** Whether what was thrown is a PermanentError, or was caused by one. Never throws. */
export function isPermanent(thrown: unknown): boolean {
  try {
    let error = thrown;
    for (let depth = 0; depth < MAX_CAUSES && typeof error === "object" && error !== null; depth++) {
      if (PERMANENT in error) return true;
      error = (error as { cause?: unknown }).cause;
    }
    return false;
  } catch {
    return false; // an error that cannot be read says nothing
  }
}
