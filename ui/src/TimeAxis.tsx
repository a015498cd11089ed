// One time axis for the task's tries, the job's states, its stages, its workers and its messages, under one cursor.
import { Box, Text } from "@chakra-ui/react";
import { type KeyboardEvent, type PointerEvent, useMemo, useState } from "react";

import { Empty, Panel, Table, Toggle } from "./parts";
import { type Bar, type Timeline, events, saidAt } from "./timeline";
import { PHASES, clock, inked, time } from "./words";

const WIDTH = 1000;
const LEFT = 90;
const ROW = 22;
const POOL = 60;
const LEVEL_COLOURS: Record<string, string> = { error: PHASES.failed.colour, warning: "var(--chakra-colors-up_for_retry-solid, #d97706)" };

function ticks(from: number, to: number): number[] {
  return [0, 0.25, 0.5, 0.75, 1].map((share) => from + share * (to - from));
}

function Workers({ line, x, top }: { line: Timeline; x: (at: number) => number; top: number }) {
  const most = Math.max(1, ...line.workers.flatMap((event) => [event.current ?? 0, event.target ?? 0]));
  const y = (count: number | null) => top + POOL - 6 - ((count ?? 0) / most) * (POOL - 16);
  const steps = (pick: "current" | "target") => {
    let path = "";
    for (const event of line.workers) path += path ? ` H ${x(event.at)} V ${y(event[pick])}` : `M ${x(event.at)} ${y(event[pick])}`;
    return `${path} H ${x(line.to)}`;
  };
  return (
    <g>
      <text x={LEFT - 8} y={top + 20} textAnchor="end" style={{ fontSize: 12 }} fill="currentColor">
        Workers
      </text>
      <text x={LEFT - 8} y={top + 36} textAnchor="end" style={{ fontSize: 11 }} fill="currentColor" opacity="0.7">{`up to ${most}`}</text>
      <path d={steps("target")} fill="none" stroke="currentColor" opacity="0.5" strokeDasharray="4 3" />
      <path d={steps("current")} fill="none" stroke={PHASES.moving.colour} strokeWidth="2" />
    </g>
  );
}

function Lane({ name, bars, y, x, choose, chosen }: { name: string; bars: Bar[]; y: number; x: (at: number) => number; choose?: () => void; chosen: boolean }) {
  return (
    <g onClick={choose} style={{ cursor: choose ? "pointer" : undefined }} opacity={chosen ? 1 : 0.9}>
      <text x={LEFT - 8} y={y + 15} textAnchor="end" style={{ fontSize: 12 }} fill="currentColor" fontWeight={chosen ? "bold" : undefined}>
        {name.length > 12 ? `${name.slice(0, 11)}…` : name}
      </text>
      {bars.map((bar) => {
        const width = Math.max(x(bar.to) - x(bar.from), 3);
        return (
          <g key={`${bar.from} ${bar.label}`}>
            <title>{bar.detail}</title>
            <rect x={x(bar.from)} y={y + 3} width={width} height={ROW - 6} rx="3" fill={inked(PHASES[bar.phase].colour, 80)} opacity="0.35" stroke={inked(PHASES[bar.phase].colour, 80)} />
            {width > bar.label.length * 6.5 && (
              <text x={x(bar.from) + 4} y={y + 15} style={{ fontSize: 11 }} fill="currentColor">
                {bar.label}
              </text>
            )}
          </g>
        );
      })}
    </g>
  );
}

export function TimeAxis({ line, stage, choose }: { line: Timeline; stage: string; choose: (stage: string) => void }) {
  const [view, setView] = useState("chart");
  const [cursor, setCursor] = useState<number | null>(null);
  const x = (at: number) => LEFT + ((at - line.from) / (line.to - line.from)) * (WIDTH - LEFT - 10);
  const pool = line.workers.length ? POOL : 0;
  const height = line.lanes.length * ROW + pool + 16 + 22;
  const bottom = line.lanes.length * ROW + pool;
  const said = useMemo(() => (cursor === null ? [] : saidAt(line, cursor)), [line, cursor]);
  const point = (event: PointerEvent<SVGSVGElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const share = ((event.clientX - box.left) / box.width) * WIDTH;
    const at = line.from + ((share - LEFT) / (WIDTH - LEFT - 10)) * (line.to - line.from);
    setCursor(Math.min(Math.max(at, line.from), line.to));
  };
  const key = (event: KeyboardEvent) => {
    const step = (line.to - line.from) / 50;
    const to = { ArrowLeft: -step, ArrowRight: step }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    setCursor((last) => Math.min(Math.max((last ?? line.to) + to, line.from), line.to));
  };
  return (
    <Panel id="time" title="Time" extra={<Toggle label="Chart or table" on={view} names={[["chart", "Chart"], ["table", "Table"]]} change={setView} />}>
      {view === "table" ? (
        <Table
          label="Events in order of time"
          rows={events(line)}
          keyOf={(event) => `${event.at} ${event.what} ${event.text}`}
          columns={[
            { name: "Time", cell: (event) => time(event.at), sort: (event) => event.at },
            { name: "What", cell: (event) => event.what, sort: (event) => event.what },
            { name: "Detail", cell: (event) => event.text },
          ]}
        />
      ) : line.lanes.some((lane) => lane.bars.length) ? (
        <>
          <svg viewBox={`0 0 ${WIDTH} ${height}`} width="100%" role="img" aria-label="Time axis; the arrow keys move its cursor" tabIndex={0} onPointerMove={point} onPointerLeave={() => setCursor(null)} onKeyDown={key} style={{ fontFamily: "inherit" }}>
            {line.lanes.map((lane, number) => (
              <Lane key={lane.name} name={lane.name} bars={lane.bars} y={number * ROW} x={x} chosen={!!lane.stage && lane.stage === stage} choose={lane.stage ? () => choose(lane.stage === stage ? "" : (lane.stage ?? "")) : undefined} />
            ))}
            {pool > 0 && <Workers line={line} x={x} top={line.lanes.length * ROW} />}
            {line.messages.map((message, number) => (
              <line key={number} x1={x(message.at)} x2={x(message.at)} y1={bottom + 2} y2={bottom + 12} stroke={LEVEL_COLOURS[message.level] ?? "currentColor"} opacity={LEVEL_COLOURS[message.level] ? 1 : 0.35} strokeWidth={LEVEL_COLOURS[message.level] ? 2 : 1}>
                <title>{message.text}</title>
              </line>
            ))}
            {ticks(line.from, line.to).map((at) => (
              <text key={at} x={x(at)} y={height - 4} style={{ fontSize: 11 }} textAnchor={at === line.from ? "start" : at === line.to ? "end" : "middle"} fill="currentColor" opacity="0.7">
                {clock(at)}
              </text>
            ))}
            {cursor !== null && <line x1={x(cursor)} x2={x(cursor)} y1={0} y2={height - 18} stroke="currentColor" strokeDasharray="2 2" />}
          </svg>
          <Box minH="1.6em" fontSize="sm" color="fg.muted" data-testid="cursor">
            {cursor === null ? <Text as="span">Point at the chart to see the state at that moment.</Text> : `${clock(cursor)} · ${said.join(" · ") || "nothing"}`}
          </Box>
        </>
      ) : (
        <Empty>Nothing has happened yet.</Empty>
      )}
    </Panel>
  );
}
