import assert from "node:assert/strict";
import { test } from "node:test";

import { placed } from "../src/layout";
import { numbersOf } from "../src/numbers";
import { composites, drawn, openAtFirst, parentOf } from "../src/tree";
import type { GraphNode, Metrics } from "../src/types";

function node(name: string, more: Partial<GraphNode> = {}): GraphNode {
  return { id: name, name, kind: "", stage: "F1", outputs: [`${name}-out0`], ...more };
}

const graph = {
  nodes: [node("Read/Impulse"), node("Read/Split"), node("Count/Sum/Combine"), node("Write")],
  edges: [
    { from: "Read/Impulse", to: "Read/Split" },
    { from: "Read/Split", to: "Count/Sum/Combine" },
    { from: "Count/Sum/Combine", to: "Write" },
  ],
};

test("composites are the prefixes of the names", () => {
  assert.deepEqual(composites(graph.nodes), ["Read", "Count", "Count/Sum"]);
  assert.equal(parentOf("Count/Sum/Combine"), "Count/Sum");
});

test("a closed composite is one box, and edges inside it are not drawn", () => {
  const { boxes, edges } = drawn(graph, new Set());
  assert.deepEqual(boxes.map((box) => [box.path, box.folded]), [["Read", true], ["Count", true], ["Write", false]]);
  assert.deepEqual(edges, [
    { from: "composite:Read", to: "composite:Count" },
    { from: "composite:Count", to: "Write" },
  ]);
});

test("an open composite shows its members, one level at a time", () => {
  assert.deepEqual(drawn(graph, new Set(["Count"])).boxes.map((box) => box.path), ["Read", "Count/Sum", "Write"]);
  assert.equal(drawn(graph, openAtFirst(graph.nodes)).boxes.length, 4);
});

test("a large graph is closed at first", () => {
  const many = Array.from({ length: 500 }, (_, number) => node(`Part${number % 20}/Step${number}`));
  assert.equal(drawn({ nodes: many, edges: [] }, openAtFirst(many)).boxes.length, 20);
});

test("each of five hundred transforms gets its own place", () => {
  const many = Array.from({ length: 500 }, (_, number) => node(`Step${number}`));
  const edges = many.slice(1).map((entry, number) => ({ from: many[Math.floor(number / 3)]?.id ?? "", to: entry.id }));
  const { boxes, edges: lines } = placed(drawn({ nodes: many, edges }, new Set()));
  assert.equal(new Set([...boxes.values()].map(({ x, y }) => `${x} ${y}`)).size, 500);
  assert.ok(lines.every((line) => line.points.length >= 2));
});

test("a box has the worst state of its members, the elements that leave it, and the sum of their wall times", () => {
  const metrics = { elements: { "Read/Split-out0": 7 }, wall_time: { "Read/Impulse": 500, "Read/Split": 1500 } } as unknown as Metrics;
  const stages = new Map([
    ["F1", { id: "F1", state: "succeeded" }],
    ["F2", { id: "F2", state: "failed" }],
  ]);
  const numbers = numbersOf([node("Read/Impulse"), node("Read/Split", { stage: "F2" })], stages, metrics);
  assert.deepEqual([numbers.phase, numbers.elements, numbers.wallTime, numbers.stages], ["failed", 7, 2, ["F1", "F2"]]);
});

test("values that the service does not report are empty", () => {
  const numbers = numbersOf([node("Read")], new Map(), null);
  assert.deepEqual([numbers.elements, numbers.wallTime, numbers.phase], [null, null, "pending"]);
});
