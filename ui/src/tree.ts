// Groups the transforms of a graph into composites by the parts of their names, and folds those that are closed. Pure functions.
import type { GraphNode, JobGraph } from "./types";

export interface Box {
  id: string;
  label: string;
  path: string;
  members: GraphNode[];
  folded: boolean;
}

export interface Drawn {
  boxes: Box[];
  edges: { from: string; to: string }[];
}

const SMALL = 25;

export function composites(nodes: GraphNode[]): string[] {
  const found = new Set<string>();
  for (const node of nodes) {
    const parts = node.name.split("/");
    for (let length = 1; length < parts.length; length++) found.add(parts.slice(0, length).join("/"));
  }
  return [...found];
}

export function openAtFirst(nodes: GraphNode[]): Set<string> {
  return new Set(nodes.length <= SMALL ? composites(nodes) : []);
}

function boxOf(node: GraphNode, open: ReadonlySet<string>): { path: string; folded: boolean } {
  const parts = node.name.split("/");
  for (let length = 1; length < parts.length; length++) {
    const path = parts.slice(0, length).join("/");
    if (!open.has(path)) return { path, folded: true };
  }
  return { path: node.name, folded: false };
}

export function drawn(graph: Pick<JobGraph, "nodes" | "edges">, open: ReadonlySet<string>): Drawn {
  const boxes = new Map<string, Box>();
  const place = new Map<string, string>();
  for (const node of graph.nodes) {
    const { path, folded } = boxOf(node, open);
    const id = folded ? `composite:${path}` : node.id;
    const box = boxes.get(id) ?? { id, path, folded, label: path.split("/").at(-1) ?? path, members: [] };
    box.members.push(node);
    boxes.set(id, box);
    place.set(node.id, id);
  }
  const edges = new Map<string, { from: string; to: string }>();
  for (const edge of graph.edges) {
    const [from, to] = [place.get(edge.from), place.get(edge.to)];
    if (from && to && from !== to) edges.set(`${from}\n${to}`, { from, to });
  }
  return { boxes: [...boxes.values()], edges: [...edges.values()] };
}

export function parentOf(path: string): string {
  return path.split("/").slice(0, -1).join("/");
}
