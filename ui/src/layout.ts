// The position of each box in a graph, from top to bottom.
import dagre from "@dagrejs/dagre";

import type { Drawn } from "./tree";

export const BOX = { width: 190, height: 62 };

export interface Placed {
  width: number;
  height: number;
  boxes: Map<string, { x: number; y: number }>;
  edges: { from: string; to: string; points: { x: number; y: number }[] }[];
}

export function placed(graph: Drawn): Placed {
  const layout = new dagre.graphlib.Graph();
  layout.setGraph({ rankdir: "TB", nodesep: 24, ranksep: 44, marginx: 12, marginy: 12 });
  layout.setDefaultEdgeLabel(() => ({}));
  for (const box of graph.boxes) layout.setNode(box.id, { ...BOX });
  for (const { from, to } of graph.edges) layout.setEdge(from, to);
  dagre.layout(layout);
  const { width = 0, height = 0 } = layout.graph() as { width?: number; height?: number };
  const boxes = new Map(graph.boxes.map(({ id }) => [id, layout.node(id) as { x: number; y: number }]));
  const edges = graph.edges.map(({ from, to }) => ({ from, to, points: (layout.edge(from, to) as { points: { x: number; y: number }[] }).points }));
  return { width, height, boxes, edges };
}
