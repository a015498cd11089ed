// The list of all jobs of both services, from every DAG that the user may read.
import { Box, Button, Flex, Heading, Input, Spinner, Text } from "@chakra-ui/react";
import { useEffect, useMemo, useState } from "react";
import { Link, useSearchParams } from "react-router-dom";

import { list, pageOf } from "./api";
import { type Column, Empty, Failed, Select, StateBadge, Table } from "./parts";
import { usePoll } from "./poll";
import type { Jobs, Row } from "./types";
import { number, plain, seconds, stateOf, time } from "./words";

const FILTERS = ["service", "phase", "dag_id", "task_id", "text", "since", "least_cost"] as const;

const COLUMNS: Column<Row>[] = [
  {
    name: "Job",
    cell: (row) => (
      <Link to={pageOf({ dagId: row.dag_id, runId: row.run_id, taskId: row.task_id, mapIndex: row.map_index })} style={{ textDecoration: "underline" }} data-testid="job-link">
        {row.name || row.job_id}
      </Link>
    ),
    sort: (row) => row.name || row.job_id,
  },
  { name: "State", short: true, cell: (row) => <StateBadge phase={row.phase} text={stateOf(row.state, row.phase)} />, sort: (row) => row.state },
  { name: "Service", cell: (row) => (row.service === "wave" ? "CRM Analytics" : "Dataflow"), sort: (row) => row.service },
  { name: "DAG", cell: (row) => row.dag_id, sort: (row) => row.dag_id },
  { name: "Task", cell: (row) => `${row.task_id}${row.map_index >= 0 ? ` [${row.map_index}]` : ""}`, sort: (row) => row.task_id },
  { name: "Task state", cell: (row) => plain(row.task_state), sort: (row) => row.task_state },
  { name: "Launched", cell: (row) => time(row.launched), sort: (row) => row.launched },
  { name: "Duration", right: true, cell: (row) => (row.ended ? seconds((Date.parse(row.ended) - Date.parse(row.launched)) / 1000) : ""), sort: (row) => Date.parse(row.ended) - Date.parse(row.launched) || -1 },
  { name: "Cost", right: true, cell: (row) => (row.cost === null ? "" : number(row.cost)), sort: (row) => row.cost ?? -1 },
];

interface Typed {
  key?: string;
  target: { value: string };
}

function keyOf(row: Row): string {
  return [row.dag_id, row.run_id, row.task_id, row.map_index].join(" ");
}

export function JobsPage() {
  const [query, setQuery] = useSearchParams();
  const wanted = useMemo(() => Object.fromEntries(FILTERS.map((name) => [name, query.get(name) ?? ""])), [query]);
  const names = FILTERS.map((name) => wanted[name]);
  const first = usePoll(() => list<Jobs>(wanted), names, () => false);
  const [more, setMore] = useState<{ rows: Row[]; next: string } | null>(null);
  const [trouble, setTrouble] = useState<Error | null>(null);
  useEffect(() => {
    setMore(null);
    setTrouble(null);
  }, names);
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
  const next = more ? more.next : (first.value?.next ?? "");
  const load = async () => {
    try {
      const page = await list<Jobs>({ ...wanted, cursor: next });
      setMore((last) => ({ rows: [...(last?.rows ?? []), ...page.rows], next: page.next }));
      setTrouble(null);
    } catch (error) {
      setTrouble(error as Error);
    }
  };
  const rows = [...new Map([...(first.value?.running ?? []), ...(first.value?.rows ?? []), ...(more?.rows ?? [])].map((row) => [keyOf(row), row])).values()];
  const field = (name: (typeof FILTERS)[number], label: string, type = "text") => (
    <Input aria-label={label} placeholder={label} type={type} size="xs" width="150px" defaultValue={wanted[name]} onBlur={(event: Typed) => change(name, event.target.value)} onKeyDown={(event: Typed) => event.key === "Enter" && change(name, event.target.value)} />
  );
  return (
    <Box p={3} data-testid="jobs-page">
      <Heading as="h1" size="md" mb={3}>
        Dataflow jobs and CRM Analytics runs
      </Heading>
      <Flex gap={2} mb={3} wrap="wrap" role="search" align="center">
        <Select label="Service" value={wanted.service ?? ""} options={[["", "both services"], ["dataflow", "Dataflow"], ["wave", "CRM Analytics"]]} change={(value) => change("service", value)} />
        <Select label="State" value={wanted.phase ?? ""} options={[["", "every state"], ["moving", "active"], ["succeeded", "succeeded"], ["failed", "failed"]]} change={(value) => change("phase", value)} />
        {field("dag_id", "DAG")}
        {field("task_id", "Task")}
        {field("text", "Name or id")}
        <Flex gap={2} align="center">
          <Text as="span" fontSize="xs" color="fg.muted">
            Launched since
          </Text>
          {field("since", "Launched since", "date")}
        </Flex>
        {field("least_cost", "Costs at least", "number")}
      </Flex>
      {first.trouble && <Failed error={first.trouble} />}
      {trouble && <Failed error={trouble} />}
      {!first.value && !first.trouble && <Spinner aria-label="Loading the jobs" />}
      {first.value && !rows.length && <Empty>{next ? "None of the newest jobs matches. Show more to search older ones." : names.some(Boolean) ? "No job matches these filters." : "No task has launched a job yet."}</Empty>}
      {rows.length > 0 && <Table label="Jobs, the running ones first" rows={rows} keyOf={keyOf} columns={COLUMNS} whole />}
      {next && (
        <Button mt={3} size="sm" variant="outline" onClick={load}>
          Show more
        </Button>
      )}
    </Box>
  );
}
