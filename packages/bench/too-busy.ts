/** Jobs were due before all of them were made: what was measured then would be something else. Trying again may help. */
export class TooBusy extends Error {
  constructor(who: string) {
    super(`${who}: jobs were due before all of them were made, this machine is too busy`);
    this.name = "TooBusy";
  }
}

const ATTEMPTS = 3;

/** Measures again where the machine was too busy. Whatever else is wrong is thrown at once. */
export async function unlessTooBusy<T>(measure: () => Promise<T>, note: (line: string) => void): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await measure();
    } catch (error) {
      if (!(error instanceof TooBusy) || attempt === ATTEMPTS) throw error;
      note(`${error.message}: once more`);
    }
  }
}
