// State, elements and wall time of a box in the graph, from metrics, stages and rows. Pure functions.
import type { GraphNode, Metrics, Now, Phase, Row, Stage } from "./types";
import { NOT_SAID, phaseOfStage } from "./words";

export interface BoxNumbers {
  phase: Phase;
  state: string;
  stages: string[];
  elements: number | null;
  wallTime: number | null;
}

const WORST: Phase[] = ["failed", "moving", "pending", "succeeded"];

// Whatever a job that succeeded contains has succeeded. Otherwise, a transform whose stage is not reported has no known phase.
function phaseOf(node: GraphNode, stages: ReadonlyMap<string, Stage>, job?: Phase): Phase | null {
  const state = stages.get(node.stage ?? "")?.state ?? "";
  if (node.phase || state) return node.phase ?? phaseOfStage(state);
  if (job === "succeeded") return "succeeded";
  return node.stage ? "pending" : null;
}

// `job`: the phase of the whole job.
export function numbersOf(members: GraphNode[], stages: ReadonlyMap<string, Stage>, metrics: Metrics | null, job?: Phase): BoxNumbers {
  const phases = members.map((node) => phaseOf(node, stages, job));
  const phase = WORST.find((candidate) => phases.includes(candidate));
  const last = members.at(-1);
  const worst = members[phase ? phases.indexOf(phase) : 0];
  const state = phase ? (worst?.state ?? stages.get(worst?.stage ?? "")?.state ?? "") : NOT_SAID;
  return {
    phase: phase ?? "pending",
    state,
    stages: [...new Set(members.map((node) => node.stage ?? "").filter(Boolean))],
    elements: last ? elementsOf(last, metrics) : null,
    wallTime: wallTimeOf(members, metrics),
  };
}

function elementsOf(node: GraphNode, metrics: Metrics | null): number | null {
  if (node.out_rows !== undefined) return node.out_rows;
  const counts = node.outputs.map((output) => metrics?.elements[output]).filter((count) => count !== undefined);
  return counts.length ? counts.reduce((sum, count) => sum + count, 0) : null;
}

function wallTimeOf(members: GraphNode[], metrics: Metrics | null): number | null {
  const times = members
    .map((node) => (node.duration === undefined ? (metrics?.wall_time[node.id] ?? metrics?.wall_time[node.name]) : (node.duration ?? 0) * 1000))
    .filter((spent) => spent !== undefined);
  return times.length ? times.reduce((sum, spent) => sum + spent, 0) / 1000 : null;
}

// The row of the run on this page: what its task has stored, updated with the current data.
export function asNow(row: Row, seen: Now, metrics: Metrics | null, now: number): Row {
  const used = Object.fromEntries((metrics?.used ?? []).map((total) => [total.name, total.value]));
  return {
    ...row,
    state: seen.state || row.state,
    phase: seen.phase ?? row.phase,
    ended: row.ended || (seen.phase === "moving" ? new Date(now).toISOString() : (seen.ended ?? "")),
    used: { ...row.used, ...used },
    cost: metrics?.cost?.amount ?? row.cost,
  };
}
