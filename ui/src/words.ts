// Texts that several panels use, and the formats of numbers and times, in the language of Airflow's page.
import type { Action, Phase } from "./types";

export const NOT_SAID = "not reported";

export const ACTIONS: Record<Action, { label: string; question: string; means: string }> = {
  cancel: {
    label: "Cancel job",
    question: "Cancel this job?",
    means: "The job stops at once and data in flight is lost. The task then fails, and retries launch a new job, unless the task expects a cancelled job.",
  },
  drain: {
    label: "Drain job",
    question: "Drain this job?",
    means: "The job stops reading and finishes processing what it has read. The task then ends as the job does; a drained job counts as a success.",
  },
  snapshot: {
    label: "Take a snapshot",
    question: "Take a snapshot of this job?",
    means: "The state of the streaming job is saved for seven days, which costs storage. The job and the task keep running.",
  },
  stop: {
    label: "Stop run",
    question: "Stop this run?",
    means: "The run stops, whether it is queued or running. The task then fails, and retries start a new run.",
  },
};

export const PHASES: Record<Phase, { icon: string; word: string; colour: string }> = {
  moving: { icon: "▶", word: "active", colour: "var(--chakra-colors-running-solid, #3b82f6)" },
  succeeded: { icon: "✓", word: "succeeded", colour: "var(--chakra-colors-success-solid, #16a34a)" },
  failed: { icon: "✕", word: "failed", colour: "var(--chakra-colors-failed-solid, #dc2626)" },
  pending: { icon: "○", word: "not started", colour: "var(--chakra-colors-border-emphasized, #a1a1aa)" },
};

// A colour that is readable as text, because it is mixed with the page's dark or light text colour.
export function inked(colour: string, share = 55): string {
  return `color-mix(in srgb, ${colour} ${share}%, currentColor)`;
}

export function phaseOfStage(state: string): Phase {
  if (["succeeded", "done"].includes(state)) return "succeeded";
  if (["failed", "cancelled"].includes(state)) return "failed";
  return state === "running" ? "moving" : "pending";
}

export function stateOf(state: string, phase: Phase): string {
  return plain(state) || PHASES[phase].word;
}

export function plain(state: string): string {
  return state.replace(/^JOB_STATE_/, "").replaceAll("_", " ").toLowerCase();
}

function language(): string | undefined {
  return (typeof document !== "undefined" && document.documentElement.lang) || undefined;
}

export function number(value: number | null | undefined, digits = 4): string {
  if (value === null || value === undefined) return NOT_SAID;
  return new Intl.NumberFormat(language(), { maximumSignificantDigits: Math.abs(value) >= 1000 ? 12 : digits }).format(value);
}

function compact(value: number): string {
  return new Intl.NumberFormat(language(), { notation: "compact", maximumSignificantDigits: 3 }).format(value);
}

// A count with its word, as "1 element" or "64.6K elements".
export function several(count: number, word: string): string {
  return `${compact(count)} ${word}${count === 1 ? "" : "s"}`;
}

export function time(text: string | number | undefined): string {
  const at = typeof text === "number" ? text : Date.parse(text ?? "");
  if (!Number.isFinite(at) || !at) return NOT_SAID;
  return new Intl.DateTimeFormat(language(), { dateStyle: "medium", timeStyle: "medium" }).format(at);
}

export function clock(at: number): string {
  return new Intl.DateTimeFormat(language(), { timeStyle: "medium" }).format(at);
}

export function seconds(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NOT_SAID;
  const whole = Math.round(value);
  if (value < 10) return `${number(value, 2)} s`;
  if (whole < 120) return `${whole} s`;
  if (whole < 7200) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

