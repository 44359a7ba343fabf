import { median } from "./percentiles.ts";

/** One figure of one round. */
export type Sample = {
  /** The case. */
  name: string;
  /** What was measured: `belfry on redis`, `bullmq on redis`, … */
  subject: string;
  metric: string;
  unit: string;
  value: number;
  /** The subject with the same metric that this one is to be seen beside. */
  ratio_to?: string;
};

/** A figure over all rounds, as it is written to the JSON file. */
export type Measurement = Sample & { ratio?: number };

/**
 * Medians over the rounds. A ratio is taken within each round, between neighbours in time, and then its median: a
 * machine that is busy for a while slows both down, and the ratio stays.
 */
export function overRounds(rounds: readonly (readonly Sample[])[]): Measurement[] {
  const first = rounds.flat().filter((sample, i, all) => all.findIndex((other) => isSame(other, sample)) === i);
  return first.map((sample) => {
    const values = rounds.flatMap((round) => round.filter((s) => isSame(s, sample)).map((s) => s.value));
    const ratios = rounds.flatMap((round) => ratioIn(round, sample));
    return { ...sample, value: median(values), ...(ratios.length > 0 && { ratio: median(ratios) }) };
  });
}

function ratioIn(round: readonly Sample[], { ratio_to: subject, ...wanted }: Sample): number[] {
  const own = round.find((s) => isSame(s, wanted));
  const other = subject === undefined ? undefined : round.find((s) => isSame(s, { ...wanted, subject }));
  return own && other ? [own.value / other.value] : [];
}

const isSame = (a: Sample, b: Sample): boolean => a.name === b.name && a.subject === b.subject && a.metric === b.metric;
