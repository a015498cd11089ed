// The page of one task's job: the data that its panels share, and their layout.
import { Box, Spinner, Text } from "@chakra-ui/react";
import { useMemo } from "react";
import { useSearchParams } from "react-router-dom";

import { see } from "./api";
import { Cost } from "./Cost";
import { chosen } from "./filter";
import { Graph } from "./Graph";
import { Head } from "./Head";
import { MessageList } from "./MessageList";
import { MetricTable } from "./MetricTable";
import { asNow } from "./numbers";
import { Empty, Failed, Panel } from "./parts";
import { type Polled, useNow, usePoll } from "./poll";
import { TimeAxis } from "./TimeAxis";
import { timeline } from "./timeline";
import type { JobGraph, Level, Lineage, Messages, Metrics, Overview, Row, TaskKey, Why, Workers } from "./types";
import { WhyFailed } from "./WhyFailed";
import { WorkerTable } from "./WorkerTable";

export interface Props {
  dagId: string;
  runId: string;
  taskId: string;
  mapIndex?: string;
}

function useQuery(): [URLSearchParams, (name: string, value: string) => void] {
  const [query, setQuery] = useSearchParams();
  const change = (name: string, value: string) =>
    setQuery(
      (last) => {
        const next = new URLSearchParams(last);
        if (value) next.set(name, value);
        else next.delete(name);
        return next;
      },
      { replace: true },
    );
  return [query, change];
}

function NoJob({ view }: { view: Overview }) {
  return (
    <Box data-testid="no-job" p={6}>
      <Text fontSize="lg" mb={2}>
        This task has no Dataflow job and no CRM Analytics run.
      </Text>
      <Empty>
        {view.task.state ? `It is a ${view.task.operator}. ` : "It has not started yet. "}
        {view.task.state === "failed" && "It failed; see its log for the reason. "}
        This page shows jobs of tasks that use the operators and sensors of airflow_dataflow_ext, from the moment they are launched.
      </Empty>
    </Box>
  );
}

function LineageOf({ inputs, outputs }: Lineage) {
  if (!inputs.length && !outputs.length) return null;
  const part = (name: string, uris: string[]) => (
    <Box mb={2}>
      <Text fontSize="xs" color="fg.muted">
        {name}
      </Text>
      {uris.length ? (
        uris.map((uri) => (
          <Text key={uri} fontSize="sm" wordBreak="break-all">
            {uri}
          </Text>
        ))
      ) : (
        <Empty>not known</Empty>
      )}
    </Box>
  );
  return (
    <Panel id="lineage" title="Lineage">
      {part("Reads", inputs)}
      {part("Writes", outputs)}
    </Panel>
  );
}

const COLUMNS = { display: "flex", gap: "12px", flexWrap: "wrap", alignItems: "flex-start" } as const;
const COLUMN = { display: "flex", flexDirection: "column", gap: "12px", flex: "1 1 480px", minWidth: 0 } as const;

function Panels({ view, task, now, head }: { view: Overview; task: TaskKey; now: number; head: Polled<Overview> }) {
  const [query, change] = useQuery();
  const stage = query.get("stage") ?? "";
  const level = (query.get("level") as Level | null) ?? "basic";
  const names = [task.dagId, task.runId, task.taskId, task.mapIndex];
  const over = view.now.settled;
  const state = view.now.state;
  const failed = view.now.phase === "failed" || view.task.state === "failed" || view.task.state === "up_for_retry";
  const graph = usePoll(() => see<JobGraph>(task, "/graph"), [...names, state], (value) => over || (view.job?.service === "dataflow" && value.nodes.length > 0));
  const metrics = usePoll(() => see<Metrics>(task, "/metrics"), [...names, over], () => over);
  const messages = usePoll(view.may.logs ? () => see<Messages>(task, "/messages", { level }) : null, [...names, level, over], () => over);
  const why = usePoll(view.may.logs && failed ? () => see<Why>(task, "/why") : null, [...names, failed, state], () => over || !view.now.state);
  const ofStage = stage && view.job?.service === "dataflow" ? async () => ({ ...(await see<Workers>(task, "/workers", { stage })), stage }) : null;
  const workers = usePoll(ofStage, [...names, stage, over], () => over);
  const lineage = usePoll(() => see<Lineage>(task, "/lineage"), names, () => true);
  const earlier = usePoll(() => see<{ rows: Row[] }>(task, "/earlier"), [...names, state], () => true);
  const choice = useMemo(() => chosen(stage, graph.value), [stage, graph.value]);
  const line = useMemo(() => timeline(view, messages.value?.messages ?? [], now), [view, messages.value, now]);
  const steps = useMemo(() => new Map((graph.value?.nodes ?? []).map((node) => [node.id, node.name])), [graph.value]);
  const choose = (name: string) => change("stage", name);
  return (
    <Box display="flex" flexDirection="column" gap={3}>
      <Head view={view} task={task} now={now} again={head.again} />
      {failed && view.may.logs && <WhyFailed why={why} now={now} settled={over} />}
      <TimeAxis line={line} stage={stage} choose={choose} />
      <div style={COLUMNS}>
        <div style={COLUMN}>
          <Graph graph={graph} stages={view.stages} metrics={metrics.value} now={now} job={view.now} stage={stage} choose={choose} view={query.get("graph") ?? "chart"} setView={(name) => change("graph", name === "chart" ? "" : name)} />
          {view.job?.service === "dataflow" && <MetricTable metrics={metrics} now={now} settled={over} search={query.get("m") ?? ""} origin={query.get("origin") ?? ""} choice={choice} steps={steps} change={change} />}
          {ofStage && <WorkerTable workers={workers} stage={stage} now={now} settled={over} />}
        </div>
        <div style={COLUMN}>
          {view.may.logs && <MessageList messages={messages} now={now} settled={over} level={level} search={query.get("q") ?? ""} choice={choice} change={change} />}
          <Cost metrics={metrics.value} rows={(earlier.value?.rows ?? []).map((row) => (row.run_id === task.runId ? asNow(row, view.now, metrics.value, now) : row))} run={task.runId} priced={view.job?.service === "dataflow"} />
          {lineage.value && <LineageOf {...lineage.value} />}
        </div>
      </div>
    </Box>
  );
}

export function JobPage({ dagId, runId, taskId, mapIndex }: Props) {
  const task = useMemo(() => ({ dagId, runId, taskId, mapIndex: mapIndex === undefined ? -1 : Number(mapIndex) }), [dagId, runId, taskId, mapIndex]);
  const head = usePoll(() => see<Overview>(task, ""), [task], (view) => view.now.settled && !["running", "deferred", "queued", "scheduled"].includes(view.task.state));
  const now = useNow(!head.value?.now.settled);
  const view = head.value;
  return (
    <Box p={3} data-testid="job-page">
      {head.trouble && <Failed error={head.trouble} />}
      {!view && !head.trouble && <Spinner aria-label="Loading the job" />}
      {view && (view.job ? <Panels view={view} task={task} now={now} head={head} /> : <NoJob view={view} />)}
    </Box>
  );
}
