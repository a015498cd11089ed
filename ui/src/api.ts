// Requests to the pages' server, relative to Airflow's base path; the browser's cookie authenticates them.
import type { Action, TaskKey } from "./types";

const ROOT = "dataflow-ext";
const PATIENCE = 30_000; // milliseconds; the server answers within ten seconds, even if the service does not

export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

type Query = Record<string, string | number | undefined>;

function url(path: string, query: Query): string {
  const found = new URL(`${ROOT}${path}`, document.baseURI);
  for (const [name, value] of Object.entries(query)) if (value !== undefined && value !== "") found.searchParams.set(name, String(value));
  return found.href;
}

async function ask<T>(path: string, query: Query, method: "GET" | "POST" = "GET"): Promise<T> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (method === "POST") headers["X-Dataflow-Ext"] = "1";
  const reply = await fetch(url(path, query), { method, headers, credentials: "same-origin", signal: AbortSignal.timeout(PATIENCE) });
  const body = await reply.json().catch(() => ({}));
  if (!reply.ok) throw new Refused(reply.status, typeof body.detail === "string" ? body.detail : `${reply.status} ${reply.statusText}`);
  return body as T;
}

function job(key: TaskKey, what: string): [string, Query] {
  const query: Query = { run_id: key.runId, task_id: key.taskId, map_index: key.mapIndex };
  return [`/dags/${encodeURIComponent(key.dagId)}/job${what}`, query];
}

export function see<T>(key: TaskKey, what: string, more: Query = {}): Promise<T> {
  const [path, query] = job(key, what);
  return ask<T>(path, { ...query, ...more });
}

export function act(key: TaskKey, action: Action): Promise<{ done: string }> {
  const [path, query] = job(key, `/${action}`);
  return ask(path, query, "POST");
}

export function list<T>(query: Query): Promise<T> {
  return ask<T>("/jobs", query);
}

export function pageOf(key: TaskKey): string {
  const parts = ["dags", key.dagId, "runs", key.runId, "tasks", key.taskId, ...(key.mapIndex >= 0 ? ["mapped", String(key.mapIndex)] : [])];
  return `/${parts.map(encodeURIComponent).join("/")}/plugin/dataflow-job`;
}
