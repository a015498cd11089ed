// The types of the server's replies; see airflow_dataflow_ext/plugin/page.py and views.py.

export type Phase = "moving" | "succeeded" | "failed" | "pending";

export interface TaskKey {
  dagId: string;
  runId: string;
  taskId: string;
  mapIndex: number;
}

export interface Try {
  number: number;
  state: string;
  queued: string;
  start: string;
  end: string;
}

export interface Aged {
  as_of: number;
  trouble: string;
}

export interface Now extends Aged {
  source: "live" | "stored" | "none";
  settled: boolean;
  name?: string;
  type?: string;
  state?: string;
  phase?: Phase;
  state_since?: string;
  created?: string;
  started?: string;
  ended?: string;
  seen?: string;
  sdk?: string;
  sdk_support?: string;
  progress?: number | null;
  waited?: number | null;
  duration?: number | null;
  replaced_by?: string;
  replaces?: string;
  source_label?: string;
}

export interface Stage {
  id: string;
  state: string;
  since?: string;
  start?: string;
  end?: string;
  progress?: number | null;
  stragglers?: number;
  straggler_causes?: Record<string, number>;
}

export interface Scaling {
  time: string;
  current: number | null;
  target: number | null;
  reason: string;
  failed?: boolean;
}

export interface Stored {
  launched: string;
  ended: string;
  foreign: boolean;
  tries: { try: number; job_id: string; adopted: boolean; at: string }[];
  cost: number | null;
  used: Record<string, number>;
}

export interface Overview {
  task: { state: string; try: number; max_tries: number; operator: string; tries: Try[]; run: { type?: string; by?: string } };
  job: { service: "dataflow" | "wave"; job_id: string; project_id: string | null; location: string | null; followed: boolean } | null;
  now: Now;
  stored: Stored | null;
  states: [string, string][];
  autoscaling: Scaling[];
  stages: Stage[];
  gaps: string[];
  may: { act: Action[]; logs: boolean };
  link: string;
}

export type Action = "cancel" | "drain" | "snapshot" | "stop";

export interface GraphNode {
  id: string;
  name: string;
  kind: string;
  stage?: string;
  outputs: string[];
  state?: string;
  phase?: Phase;
  duration?: number | null;
  in_rows?: number | null;
  out_rows?: number | null;
  in_failed?: number | null;
  out_failed?: number | null;
  message?: string;
}

export interface JobGraph extends Aged {
  nodes: GraphNode[];
  edges: { from: string; to: string }[];
  stages: { id: string; transforms: string[]; after: string[] }[];
}

export type Level = "debug" | "detailed" | "basic" | "warning" | "error";

export interface Message {
  id: string;
  time: string;
  level: Level;
  text: string;
}

export interface Messages extends Aged {
  messages: Message[];
}

export interface Metric {
  origin: "service" | "user";
  name: string;
  step: string;
  value: number | Record<string, number | null>;
}

export interface Metrics extends Aged {
  rows: Metric[];
  left_out: number;
  elements: Record<string, number>;
  wall_time: Record<string, number>;
  used: { name: string; value: number; unit: string }[];
  cost: { amount: number; without: string[] } | null;
}

export interface Why extends Aged {
  error: string;
  errors: Message[];
  nodes: GraphNode[];
  stages: Stage[];
  logs: string; // URL of the workers' errors in Cloud Logging; empty if there is none
}

export interface Workers extends Aged {
  stage: string; // the requested one
  workers: { worker: string; items: { task: string; attempt: string; state: string; start: string; end: string; progress: number | null }[] }[];
}

export interface Lineage {
  inputs: string[];
  outputs: string[];
}

export interface Row {
  dag_id: string;
  run_id: string;
  task_id: string;
  map_index: number;
  task_state: string;
  try: number;
  service: "dataflow" | "wave";
  job_id: string;
  name: string;
  type: string;
  state: string;
  phase: Phase;
  launched: string;
  ended: string;
  seen: string;
  used: Record<string, number>;
  cost: number | null;
}

export interface Jobs {
  running: Row[];
  rows: Row[];
  next: string;
}
