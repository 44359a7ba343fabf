import { type Gate, roomAt } from "./gates.ts";

/** An execution before its gates. `letGoAt` is the gate that has let it go, if one has. */
export type Asking = { executionId: string; gates: readonly string[]; letGoAt: string | null };

export type Admission = { admitted: string[]; turnedAway: { executionId: string; gate: string }[] };

/**
 * Who of these passes all of its gates, in the order of their occurrences, which is that of the ids. A place that a gate
 * has given away counts as taken for all but those who come for it; and nobody overtakes those who wait.
 */
export function admitAtGates(asking: readonly Asking[], gates: readonly Gate[]): Admission {
  const byId = new Map(
    gates.map((gate) => {
      const here = asking.filter(({ letGoAt }) => letGoAt === gate.id).length;
      const state = { room: roomAt(gate), kept: Math.max(0, gate.underWay - here), waiting: gate.waiting };
      return [gate.id, state];
    }),
  );
  const admission: Admission = { admitted: [], turnedAway: [] };
  const came = (a: Asking): number => (a.letGoAt === null ? 1 : 0);
  for (const one of asking.toSorted((a, b) => came(a) - came(b) || (a.executionId < b.executionId ? -1 : 1))) {
    const closed = one.gates.find((id) => {
      const gate = byId.get(id);
      if (!gate) return false;
      return one.letGoAt === id ? gate.room < 1 : gate.waiting || gate.room - gate.kept < 1;
    });
    if (closed !== undefined) {
      admission.turnedAway.push({ executionId: one.executionId, gate: closed });
      // Who comes later does not overtake.
      const gate = byId.get(closed);
      if (gate) gate.waiting = true;
      continue;
    }
    admission.admitted.push(one.executionId);
    for (const id of one.gates) {
      const gate = byId.get(id);
      if (gate) gate.room -= 1;
    }
  }
  return admission;
}
