import assert from "node:assert/strict";
import { test } from "node:test";

import { chosen, messagesOf, metricsOf } from "../src/filter";
import type { JobGraph, Message, Metric } from "../src/types";

const graph = {
  nodes: [{ id: "s1", name: "Read", kind: "", stage: "F1", outputs: [] }, { id: "s2", name: "Write", kind: "", stage: "F12", outputs: [] }],
  edges: [],
  stages: [{ id: "F1", transforms: ["Read"], after: [] }, { id: "F12", transforms: ["Write"], after: [] }],
} as unknown as JobGraph;

const messages: Message[] = [
  { id: "1", time: "", level: "debug", text: "Assigning stage ids." },
  { id: "2", time: "", level: "basic", text: "Executing operation Read" },
  { id: "3", time: "", level: "error", text: "F12 failed: Writer is gone" },
];

const texts = (found: Message[]) => found.map((message) => message.id);

test("a minimum level includes all more severe messages", () => {
  assert.deepEqual(texts(messagesOf(messages, "basic", "", null)), ["2", "3"]);
});

test("a selected stage keeps the messages that contain its name or those of its transforms as whole words", () => {
  assert.deepEqual(texts(messagesOf(messages, "debug", "", chosen("F1", graph))), ["2"]);
  assert.deepEqual(texts(messagesOf(messages, "debug", "", chosen("F12", graph))), ["3"]);
});

test("a search ignores case", () => {
  assert.deepEqual(texts(messagesOf(messages, "debug", "WRITER", null)), ["3"]);
});

test("metrics of a stage are those of its transforms, by name, output or step", () => {
  const metrics = ["Read-out0", "s1", "Reader", "s2", ""].map((step) => ({ origin: "user", name: "n", step, value: 1 }) as Metric);
  assert.deepEqual(metricsOf(metrics, "", chosen("F1", graph)).map((metric) => metric.step), ["Read-out0", "s1"]);
});
