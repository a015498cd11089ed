// Selects the messages and metrics that match the filters and the selected stage. Pure functions.
import type { JobGraph, Level, Message, Metric } from "./types";

export const LEVELS: Level[] = ["debug", "detailed", "basic", "warning", "error"];

export interface Chosen {
  stage: string;
  names: string[];
  ids: string[];
}

export function chosen(stage: string, graph: JobGraph | null): Chosen | null {
  if (!stage) return null;
  const nodes = (graph?.nodes ?? []).filter((node) => node.stage === stage || node.id === stage);
  const names = new Set([...(graph?.stages.find((entry) => entry.id === stage)?.transforms ?? []), ...nodes.map((node) => node.name)]);
  return { stage, names: [...names], ids: nodes.map((node) => node.id) };
}

function mentions(text: string, word: string): boolean {
  const at = text.indexOf(word);
  if (at < 0) return false;
  const before = text[at - 1] ?? " ";
  const after = text[at + word.length] ?? " ";
  return !/\w/.test(before) && !/\w/.test(after);
}

export function messagesOf(messages: Message[], level: Level, search: string, choice: Chosen | null): Message[] {
  const least = LEVELS.indexOf(level);
  const wanted = search.trim().toLowerCase();
  const words = choice ? [choice.stage, ...choice.names] : [];
  return messages.filter(
    (message) =>
      LEVELS.indexOf(message.level) >= least &&
      (!wanted || message.text.toLowerCase().includes(wanted)) &&
      (!words.length || words.some((word) => mentions(message.text, word))),
  );
}

export function metricsOf(metrics: Metric[], search: string, choice: Chosen | null): Metric[] {
  const wanted = search.trim().toLowerCase();
  const fits = (step: string) =>
    !choice || choice.ids.includes(step) || step === choice.stage || choice.names.some((name) => step === name || step.startsWith(`${name}-out`) || step.startsWith(`${name}.`));
  return metrics.filter((metric) => fits(metric.step) && (!wanted || `${metric.name} ${metric.step}`.toLowerCase().includes(wanted)));
}
