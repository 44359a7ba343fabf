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
  /** The subject with the same metric that this one is to be seen beside. A figure may stand beside several: one sample for each. */
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

function ratioIn(round: readonly Sample[], sample: Sample): number[] {
  const own = round.find((s) => isSame(s, sample));
  const other = round.find(
    (s) => s.name === sample.name && s.subject === sample.ratio_to && s.metric === sample.metric,
  );
  return own && other ? [own.value / other.value] : [];
}

const isSame = (a: Sample, b: Sample): boolean =>
  a.name === b.name && a.subject === b.subject && a.metric === b.metric && a.ratio_to === b.ratio_to;

/** Samples of one subject of a case. */
export const samplesOf =
  (name: string, subject: string) =>
  (metric: string, unit: string, value: number, ...beside: string[]): Sample[] => {
    const sample = { name, subject, metric, unit, value };
    return beside.length === 0 ? [sample] : beside.map((other) => ({ ...sample, ratio_to: other }));
  };
