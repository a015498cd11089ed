// The job's graph, with boxes that open and close and show state, elements and wall time; and the same data as a table.
import { Box, Button, Flex } from "@chakra-ui/react";
import { type KeyboardEvent, type PointerEvent, useEffect, useMemo, useRef, useState } from "react";

import { BOX, placed } from "./layout";
import { type BoxNumbers, numbersOf } from "./numbers";
import { Age, Empty, Failed, Panel, Table, Toggle, Trouble } from "./parts";
import type { Polled } from "./poll";
import { type Box as GraphBox, composites, drawn, openAtFirst, parentOf } from "./tree";
import type { JobGraph, Metrics, Now, Phase, Stage } from "./types";
import { PHASES, inked, number, seconds, several } from "./words";

interface Props {
  graph: Polled<JobGraph>;
  stages: Stage[];
  metrics: Metrics | null;
  now: number;
  job: Now;
  stage: string;
  choose: (stage: string) => void;
  view: string;
  setView: (view: string) => void;
}

function Node({ box, at, numbers, chosen, act, fold }: { box: GraphBox; at: { x: number; y: number }; numbers: BoxNumbers; chosen: boolean; act: () => void; fold?: () => void }) {
  const { colour, icon, word } = PHASES[numbers.phase];
  const rows = box.members[0]?.out_rows !== undefined;
  const begun = !rows || numbers.phase !== "pending"; // a node that has not started has no counts
  const counted = begun ? [numbers.elements === null ? "" : several(numbers.elements, rows ? "row" : "element"), numbers.wallTime === null ? "" : seconds(numbers.wallTime)] : [];
  const text = counted.filter(Boolean).join(" · ") || (box.folded ? several(box.members.length, "transform") : numbers.stages.join(", "));
  const label = box.label.length > 24 ? `${box.label.slice(0, 23)}…` : box.label;
  const key = (event: KeyboardEvent) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    act();
  };
  return (
    <g
      transform={`translate(${at.x - BOX.width / 2} ${at.y - BOX.height / 2})`}
      role="button"
      tabIndex={0}
      aria-pressed={chosen}
      aria-label={`${box.path}, ${numbers.state || word}${text ? `, ${text}` : ""}${box.folded ? ", opens" : ""}`}
      data-testid="box"
      data-path={box.path}
      onClick={act}
      onKeyDown={key}
      style={{ cursor: "pointer" }}
    >
      <title>{box.path}</title>
      <rect width={BOX.width} height={BOX.height} rx="6" fill="var(--chakra-colors-bg)" stroke={colour} strokeWidth={chosen ? 3 : 1.5} strokeDasharray={box.folded ? "6 3" : undefined} />
      <text x="10" y="22" style={{ fontSize: 13 }} fontWeight="600" fill="currentColor">
        {label}
      </text>
      <text x="10" y="39" style={{ fontSize: 12 }} fill={numbers.phase === "pending" ? "currentColor" : inked(colour)}>
        {`${icon} ${numbers.state || word}`}
      </text>
      <text x="10" y="54" style={{ fontSize: 11 }} fill="currentColor" opacity="0.8">
        {text}
      </text>
      {(box.folded || fold) && (
        <text
          x={BOX.width - 18}
          y="22"
          style={{ fontSize: 15 }}
          fill="currentColor"
          onClick={(event) => {
            event.stopPropagation();
            (fold ?? act)();
          }}
        >
          {box.folded ? "+" : "−"}
        </text>
      )}
    </g>
  );
}

function useView(width: number, height: number) {
  const [view, setView] = useState<{ x: number; y: number; w: number; h: number } | null>(null);
  const from = useRef<{ x: number; y: number } | null>(null);
  useEffect(() => setView(null), [width, height]);
  const whole = { x: 0, y: 0, w: Math.max(width, 400), h: Math.max(height, 200) };
  const now = view ?? whole;
  const zoom = (by: number) => setView({ x: now.x + (now.w * (1 - by)) / 2, y: now.y + (now.h * (1 - by)) / 2, w: now.w * by, h: now.h * by });
  const down = (event: PointerEvent) => {
    from.current = { x: event.clientX, y: event.clientY };
  };
  const move = (event: PointerEvent<SVGSVGElement>) => {
    if (!from.current || !(event.buttons & 1)) return;
    const scale = now.w / event.currentTarget.getBoundingClientRect().width;
    setView({ ...now, x: now.x - (event.clientX - from.current.x) * scale, y: now.y - (event.clientY - from.current.y) * scale });
    from.current = { x: event.clientX, y: event.clientY };
  };
  return { box: `${now.x} ${now.y} ${now.w} ${now.h}`, zoom, fit: () => setView(null), down, move };
}

function Chart({ graph, stages, metrics, phase, stage, choose }: { graph: JobGraph; stages: Map<string, Stage>; metrics: Metrics | null; phase?: Phase; stage: string; choose: (stage: string) => void }) {
  const [open, setOpen] = useState<Set<string>>(() => openAtFirst(graph.nodes));
  const shape = useMemo(() => drawn(graph, open), [graph, open]);
  const layout = useMemo(() => placed(shape), [shape]);
  const view = useView(layout.width, layout.height);
  const turn = (path: string) =>
    setOpen((last) => {
      const next = new Set(last);
      if (!next.delete(path)) next.add(path);
      return next;
    });
  const all = composites(graph.nodes);
  return (
    <>
      <Flex gap={1} mb={1}>
        <Button size="2xs" variant="outline" aria-label="Larger" onClick={() => view.zoom(0.75)}>
          +
        </Button>
        <Button size="2xs" variant="outline" aria-label="Smaller" onClick={() => view.zoom(1.33)}>
          −
        </Button>
        <Button size="2xs" variant="outline" onClick={view.fit}>
          Fit
        </Button>
        {all.length > 0 && (
          <Button size="2xs" variant="outline" onClick={() => setOpen(open.size ? new Set() : new Set(all))}>
            {open.size ? "Close all" : "Open all"}
          </Button>
        )}
      </Flex>
      <svg viewBox={view.box} role="group" aria-label="Graph of the job" width="100%" height={Math.min(Math.max(layout.height, 220), 560)} onPointerDown={view.down} onPointerMove={view.move} style={{ touchAction: "none", userSelect: "none", fontFamily: "inherit" }} data-testid="graph-chart">
        <defs>
          <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
            <path d="M0 0 L8 4 L0 8 z" fill="currentColor" opacity="0.6" />
          </marker>
        </defs>
        {layout.edges.map((edge) => (
          <path key={`${edge.from} ${edge.to}`} d={`M ${edge.points.map(({ x, y }) => `${x} ${y}`).join(" L ")}`} fill="none" stroke="currentColor" opacity="0.5" markerEnd="url(#arrow)" />
        ))}
        {shape.boxes.map((box) => {
          const at = layout.boxes.get(box.id);
          if (!at) return null;
          const numbers = numbersOf(box.members, stages, metrics, phase);
          const own = box.members[0]?.stage || box.members[0]?.id || "";
          const parent = parentOf(box.path);
          return <Node key={box.id} box={box} at={at} numbers={numbers} chosen={!!stage && numbers.stages.includes(stage)} act={() => (box.folded ? turn(box.path) : choose(own === stage ? "" : own))} fold={!box.folded && parent ? () => turn(parent) : undefined} />;
        })}
      </svg>
    </>
  );
}

export function Graph({ graph, stages, metrics, now, job, stage, choose, view, setView }: Props) {
  const known = useMemo(() => new Map(stages.map((entry) => [entry.id, entry])), [stages]);
  const value = graph.value;
  const rows = useMemo(() => (value?.nodes ?? []).map((node) => ({ node, numbers: numbersOf([node], known, metrics, job.phase) })), [value, known, metrics, job.phase]);
  const runs = rows.some(({ node }) => node.in_rows !== undefined);
  return (
    <Panel
      id="graph"
      title="Graph"
      extra={
        <Flex gap={3} align="center">
          {value && <Age aged={value} now={now} settled={job.settled} />}
          <Toggle label="Chart or table" on={view} names={[["chart", "Chart"], ["table", "Table"]]} change={setView} />
        </Flex>
      }
    >
      {graph.trouble && <Failed error={graph.trouble} />}
      {value?.trouble && <Trouble text={value.trouble} />}
      {value && !value.nodes.length && <Empty>The service has not reported the structure of the job.</Empty>}
      {value && value.nodes.length > 0 && view !== "table" && <Chart key={value.nodes.length} graph={value} stages={known} metrics={metrics} phase={job.phase} stage={stage} choose={choose} />}
      {value && value.nodes.length > 0 && view === "table" && (
        <Box>
          <Table
            label="Structure of the job"
            rows={rows}
            keyOf={({ node }) => node.id}
            onRow={({ node }) => choose(node.stage || node.id)}
            columns={[
              { name: "Name", cell: ({ node }) => node.name, sort: ({ node }) => node.name },
              { name: "Kind", cell: ({ node }) => node.kind.replaceAll("_", " "), sort: ({ node }) => node.kind },
              ...(runs ? [] : [{ name: "Stage", cell: ({ node }: (typeof rows)[0]) => node.stage, sort: ({ node }: (typeof rows)[0]) => node.stage ?? "" }]),
              { name: "State", short: true, cell: ({ numbers }) => `${PHASES[numbers.phase].icon} ${numbers.state || PHASES[numbers.phase].word}`, sort: ({ numbers }) => numbers.phase },
              ...(runs ? [{ name: "Rows in", right: true, cell: ({ node }: (typeof rows)[0]) => number(node.in_rows), sort: ({ node }: (typeof rows)[0]) => node.in_rows ?? -1 }] : []),
              { name: runs ? "Rows out" : "Elements", right: true, cell: ({ numbers }) => number(numbers.elements), sort: ({ numbers }) => numbers.elements ?? -1 },
              { name: runs ? "Duration" : "Wall time", right: true, cell: ({ numbers }) => seconds(numbers.wallTime), sort: ({ numbers }) => numbers.wallTime ?? -1 },
            ]}
          />
        </Box>
      )}
    </Panel>
  );
}
