/** Something that the cluster does for itself again and again. `run` answers what it did, in words. */
export type Duty = { name: string; everyMs: number; run(signal: AbortSignal): Promise<string> };
