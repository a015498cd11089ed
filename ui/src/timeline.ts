// The lanes of the time axis, with one time scale for all: tries of the task, states of the job, stages and workers. Pure functions.
import type { Message, Overview, Phase } from "./types";
import { phaseOfStage, plain } from "./words";

export interface Bar {
  from: number;
  to: number;
  label: string;
  phase: Phase;
  detail: string;
  before?: string; // the text for a moment before the bar's end, if it differs from the detail
}

export interface Lane {
  name: string;
  bars: Bar[];
  stage?: string;
}

export interface Timeline {
  from: number;
  to: number;
  lanes: Lane[];
  workers: { at: number; current: number | null; target: number | null; reason: string }[];
  messages: { at: number; level: Message["level"]; text: string }[];
}

const TASK: Record<string, Phase> = { success: "succeeded", failed: "failed", upstream_failed: "failed", running: "moving", deferred: "moving" };
const MOST_STAGES = 12;

function at(text: string | undefined): number {
  const found = Date.parse(text ?? "");
  return Number.isFinite(found) ? found : 0;
}

function tries(view: Overview, now: number): Lane {
  const bars = view.task.tries
    .filter((entry) => at(entry.start) || at(entry.queued))
    .map((entry) => {
      const stored = view.stored?.tries.find((known) => known.try === entry.number);
      const job = stored ? (stored.adopted ? `, took over job ${stored.job_id}` : `, launched job ${stored.job_id}`) : "";
      return {
        from: at(entry.start) || at(entry.queued),
        to: at(entry.end) || now,
        label: `try ${entry.number}`,
        phase: TASK[entry.state] ?? "pending",
        detail: `try ${entry.number}: ${plain(entry.state) || "no state"}${job}`,
        ...(entry.end ? { before: `try ${entry.number}: not ended${job}` } : {}),
      };
    });
  return { name: "Task", bars };
}

function job(view: Overview, now: number): Lane {
  const marks: [number, string][] = view.states.map(([state, since]) => [at(since), state]);
  if (!marks.length) marks.push([at(view.now.created), "created"], [at(view.now.started), "started"]);
  const since = at(view.now.state_since);
  if (view.now.state && marks.at(-1)?.[1] !== view.now.state) marks.push([since, view.now.state]);
  const known = marks.filter(([since]) => since).sort(([one], [other]) => one - other);
  const ended = view.now.phase === "succeeded" || view.now.phase === "failed";
  const bars = known.map(([from, state], number) => {
    const last = number === known.length - 1;
    const to = known[number + 1]?.[0] ?? (ended ? from : now);
    return { from, to, label: plain(state), phase: last && view.now.phase ? view.now.phase : ("moving" as Phase), detail: plain(state) };
  });
  return { name: "Job", bars };
}

function stages(view: Overview, now: number): Lane[] {
  const lanes = view.stages.map((stage) => {
    const from = at(stage.start) || at(stage.since);
    const over = phaseOfStage(stage.state) !== "moving";
    const to = at(stage.end) && over ? at(stage.end) : over ? Math.max(at(stage.since), from) : now;
    const done = stage.progress === null || stage.progress === undefined ? "" : `, ${Math.round(stage.progress * 100)} % done`;
    const late = stage.stragglers ? `, ${stage.stragglers} stragglers` : "";
    const detail = `${stage.id}: ${stage.state}${done}${late}`;
    const bar = { from, to, label: stage.id, phase: phaseOfStage(stage.state), detail, ...(over ? { before: `${stage.id}: running` } : {}) };
    return { name: stage.id, stage: stage.id, bars: from ? [bar] : [] };
  });
  return lanes.filter((lane) => lane.bars.length).slice(-MOST_STAGES);
}

export function timeline(view: Overview, messages: Message[], now: number): Timeline {
  const lanes = [tries(view, now), job(view, now), ...stages(view, now)];
  const workers = view.autoscaling.map((event) => ({ ...event, at: at(event.time) })).filter((event) => event.at);
  const said = messages.map((message) => ({ at: at(message.time), level: message.level, text: message.text })).filter((entry) => entry.at);
  const ends = lanes.flatMap((lane) => lane.bars.flatMap((bar) => [bar.from, bar.to]));
  const all = [...ends, ...workers.map((event) => event.at), ...said.map((entry) => entry.at)];
  const from = all.length ? Math.min(...all) : now - 1000;
  return { from, to: Math.max(all.length ? Math.max(...all) : now, from + 1000), lanes, workers, messages: said };
}

export function saidAt(line: Timeline, moment: number): string[] {
  const bars = line.lanes.flatMap((lane) => lane.bars.filter((bar) => bar.from <= moment && moment <= bar.to));
  const inside = bars.map((bar) => (moment < bar.to && bar.before) || bar.detail);
  const event = line.workers.filter((entry) => entry.at <= moment).at(-1);
  const pool = event ? [`${event.current ?? "?"} of ${event.target ?? "?"} workers${event.reason ? `: ${event.reason}` : ""}`] : [];
  const near = (line.to - line.from) / 150;
  const seen = line.messages.filter((message) => Math.abs(message.at - moment) <= near).at(-1);
  return [...inside, ...pool, ...(seen ? [seen.text] : [])];
}

export interface Event {
  at: number;
  what: string;
  text: string;
}

export function events(line: Timeline): Event[] {
  const bars = line.lanes.flatMap((lane) => lane.bars.map((bar) => ({ at: bar.from, what: lane.name, text: bar.detail })));
  const pool = line.workers.map((event) => ({ at: event.at, what: "Workers", text: `${event.current ?? "?"} of ${event.target ?? "?"}: ${event.reason}` }));
  return [...bars, ...pool].sort((one, other) => one.at - other.at);
}
