import assert from "node:assert/strict";
import { test } from "node:test";

import { asNow, numbersOf } from "../src/numbers";
import { several } from "../src/words";
import type { GraphNode, Metrics, Now, Row, Stage } from "../src/types";

const AT = Date.parse("2026-01-01T00:01:30Z");
const row = { launched: "2026-01-01T00:00:00Z", ended: "", state: "", phase: "moving", used: {}, cost: null } as unknown as Row;
const metrics = { used: [{ name: "vcpu_hours", value: 2, unit: "vCPU h" }], cost: { amount: 0.5, without: [] } } as unknown as Metrics;

test("the row of the run on this page has the current data", () => {
  const shown = asNow(row, { state: "JOB_STATE_RUNNING", phase: "moving" } as Now, metrics, AT);
  assert.deepEqual([shown.state, shown.ended, shown.used.vcpu_hours, shown.cost], ["JOB_STATE_RUNNING", "2026-01-01T00:01:30.000Z", 2, 0.5]);
});

test("stored data is kept if the service reports nothing", () => {
  const ended = { ...row, state: "JOB_STATE_DONE", phase: "succeeded", ended: "2026-01-01T00:01:00Z", used: { vcpu_hours: 1 }, cost: 0.25 } as Row;
  assert.deepEqual(asNow(ended, {} as Now, null, AT), ended);
});

test("a folded box has the worst state of its members", () => {
  const nodes = ["F1", "F2"].map((stage) => ({ id: stage, name: stage, kind: "", stage, outputs: [] }) as GraphNode);
  const stages = (...states: string[]) => new Map(states.map((state, at) => [`F${at + 1}`, { id: `F${at + 1}`, state } as Stage]));
  assert.equal(numbersOf(nodes, stages("succeeded", "running"), null).state, "running");
  assert.equal(numbersOf(nodes, stages("succeeded", "succeeded"), null).state, "succeeded");
  assert.equal(numbersOf(nodes, stages("succeeded"), null).state, "");
});

test("a transform whose stage is not reported has succeeded with its job, and is not reported before", () => {
  const node = { id: "s1", name: "GroupByKey", kind: "", stage: "", outputs: [] } as unknown as GraphNode;
  const other = { ...node, id: "s2", stage: "F1" };
  const stages = new Map([["F1", { id: "F1", state: "running" } as Stage]]);
  assert.deepEqual([numbersOf([node], stages, null, "succeeded").phase, numbersOf([node], stages, null, "succeeded").state], ["succeeded", ""]);
  assert.deepEqual([numbersOf([node], stages, null, "moving").phase, numbersOf([node], stages, null, "moving").state], ["pending", "not reported"]);
  assert.equal(numbersOf([node, other], stages, null, "moving").state, "running");
});

test("a count of one has its word in the singular", () => {
  assert.deepEqual([several(0, "row"), several(1, "row"), several(64_634, "element")], ["0 rows", "1 row", "64.6K elements"]);
});
