import assert from "node:assert/strict";
import { test } from "node:test";

import { events, saidAt, timeline } from "../src/timeline";
import type { Overview } from "../src/types";

const START = Date.parse("2026-01-01T00:00:00Z");
const at = (seconds: number) => new Date(START + seconds * 1000).toISOString();

const view = {
  task: {
    tries: [
      { number: 1, state: "failed", queued: "", start: at(0), end: at(20) },
      { number: 2, state: "deferred", queued: "", start: at(30), end: "" },
    ],
  },
  now: { state: "JOB_STATE_RUNNING", phase: "moving", state_since: at(12), created: at(5), started: at(10) },
  stored: { tries: [{ try: 1, job_id: "j", adopted: false, at: "" }, { try: 2, job_id: "j", adopted: true, at: "" }] },
  states: [],
  stages: [{ id: "F1", state: "running", start: at(15), progress: 0.5 }, { id: "F2", state: "not_started" }],
  autoscaling: [{ time: at(14), current: 1, target: 3, reason: "Worker pool started." }],
} as unknown as Overview;

const line = timeline(view, [{ id: "1", time: at(40), level: "error", text: "no such table" }], START + 60_000);

test("all lanes have one time scale", () => {
  assert.deepEqual([line.from, line.to], [START, START + 60_000]);
  assert.deepEqual(line.lanes.map((lane) => lane.name), ["Task", "Job", "F1"]);
});

test("bars that have not ended extend to now", () => {
  assert.deepEqual(line.lanes.map((lane) => lane.bars.at(-1)?.to), [START + 60_000, START + 60_000, START + 60_000]);
});

test("the bars of the tries show which one launched the job and which took it over", () => {
  assert.deepEqual(line.lanes[0]?.bars.map((bar) => bar.detail), ["try 1: failed, launched job j", "try 2: deferred, took over job j"]);
});

test("the cursor shows the state of every lane at its moment", () => {
  assert.deepEqual(saidAt(line, START + 40_000), [
    "try 2: deferred, took over job j",
    "running",
    "F1: running, 50 % done",
    "1 of 3 workers: Worker pool started.",
    "no such table",
  ]);
});

test("the cursor shows what was so at its moment, not how it ended", () => {
  const ended = { ...view, stages: [{ id: "F1", state: "succeeded", start: at(15), end: at(35), progress: 1 }] } as unknown as Overview;
  const stage = (seconds: number) => saidAt(timeline(ended, [], START + 60_000), START + seconds * 1000).find((text) => text.startsWith("F1"));
  assert.deepEqual([stage(20), stage(35), stage(36)], ["F1: running", "F1: succeeded, 100 % done", undefined]);
  assert.equal(saidAt(line, START + 10_000)[0], "try 1: not ended, launched job j");
});

test("the table has the same events in order of time", () => {
  const found = events(line).map((event) => event.what);
  assert.deepEqual(found, ["Task", "Job", "Job", "Job", "Workers", "F1", "Task"]);
});

test("a job without data has an empty axis", () => {
  const nothing = { ...view, task: { tries: [] }, now: {}, stages: [], autoscaling: [] } as unknown as Overview;
  assert.ok(timeline(nothing, [], START).to > timeline(nothing, [], START).from);
});
