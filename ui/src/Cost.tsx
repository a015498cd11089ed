// What the job has used and cost so far, and the earlier runs of the same task.
import { Box, Text } from "@chakra-ui/react";
import { Link } from "react-router-dom";

import { pageOf } from "./api";
import { type Column, Empty, Panel, StateBadge, Table } from "./parts";
import type { Metrics, Row } from "./types";
import { number, seconds, stateOf, time } from "./words";

function lasted(row: Row): number | null {
  const [from, to] = [Date.parse(row.launched), Date.parse(row.ended)];
  return from && to ? (to - from) / 1000 : null;
}

function Bars({ rows }: { rows: Row[] }) {
  const values = [...rows].reverse().map((row) => ({ row, value: row.cost ?? lasted(row) ?? 0 }));
  const most = Math.max(...values.map(({ value }) => value), 0);
  if (!most) return null;
  const priced = rows.some((row) => row.cost !== null);
  return (
    <svg width={values.length * 16} height="44" role="img" aria-label={`${priced ? "Cost" : "Duration"} of the last ${values.length} runs; the table has the same values`}>
      {values.map(({ row, value }, at) => (
        <rect key={row.run_id} x={at * 16} width="12" y={42 - (value / most) * 40} height={(value / most) * 40 + 2} fill="currentColor" opacity={row.phase === "failed" ? 1 : 0.5}>
          <title>{`${time(row.launched)}: ${priced ? number(row.cost) : seconds(value)}`}</title>
        </rect>
      ))}
    </svg>
  );
}

export function Cost({ metrics, rows, run, priced }: { metrics: Metrics | null; rows: Row[]; run: string; priced: boolean }) {
  const used = metrics?.used ?? [];
  const money: Column<Row>[] = [
    { name: "vCPU h", right: true, cell: (row) => number(row.used.vcpu_hours), sort: (row) => row.used.vcpu_hours ?? -1 },
    { name: "Cost", right: true, cell: (row) => number(row.cost), sort: (row) => row.cost ?? -1 },
  ];
  return (
    <Panel id="cost" title={priced ? "Used and cost" : "This task's runs"}>
      {!priced ? null : metrics?.cost ? (
        <Text fontSize="sm" mb={1}>
          {`About ${number(metrics.cost.amount)} so far, estimated at the operator's prices`}
          {metrics.cost.without.length ? `, without ${metrics.cost.without.join(", ")}, which the service does not report.` : "."}
        </Text>
      ) : (
        <Empty>{used.length ? "The operator has no prices, so there is no estimate." : "The service has not reported what the job has used."}</Empty>
      )}
      {used.length > 0 && <Text fontSize="sm" mb={2}>{used.map((total) => `${number(total.value)} ${total.unit}`).join(" · ")}</Text>}
      {rows.length > 0 && (
        <Box>
          {priced && (
            <Text fontSize="xs" color="fg.muted">
              This task's runs
            </Text>
          )}
          <Bars rows={rows} />
          <Table
            label="Earlier runs of the task"
            rows={rows}
            keyOf={(row) => row.run_id}
            columns={[
              {
                name: "Run",
                cell: (row) =>
                  row.run_id === run ? (
                    <b>this run</b>
                  ) : (
                    <Link to={pageOf({ dagId: row.dag_id, runId: row.run_id, taskId: row.task_id, mapIndex: row.map_index })} style={{ textDecoration: "underline" }}>
                      {time(row.launched)}
                    </Link>
                  ),
                sort: (row) => row.launched,
              },
              { name: "State", short: true, cell: (row) => <StateBadge phase={row.phase} text={stateOf(row.state, row.phase)} />, sort: (row) => row.state },
              { name: "Duration", right: true, cell: (row) => seconds(lasted(row)), sort: (row) => lasted(row) ?? -1 },
              ...(priced ? money : []),
            ]}
          />
        </Box>
      )}
    </Panel>
  );
}
