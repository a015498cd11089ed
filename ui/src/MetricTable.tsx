// The job's metrics, with a line for the changes of each since the page was opened.
import { Flex } from "@chakra-ui/react";
import { useEffect, useRef } from "react";

import { type Chosen, metricsOf } from "./filter";
import { Age, Empty, Failed, Name, Panel, Search, Select, Table, Trouble } from "./parts";
import type { Polled } from "./poll";
import type { Metric, Metrics } from "./types";
import { number } from "./words";

const KEPT = 120;

type Series = Map<string, number[]>;

function keyOf(metric: Metric): string {
  return `${metric.origin} ${metric.name} ${metric.step}`;
}

function useSeries(metrics: Metrics | null): Series {
  const series = useRef<Series>(new Map());
  useEffect(() => {
    for (const metric of metrics?.rows ?? []) {
      if (typeof metric.value !== "number") continue;
      const known = series.current.get(keyOf(metric)) ?? [];
      series.current.set(keyOf(metric), [...known, metric.value].slice(-KEPT));
    }
  }, [metrics?.as_of]);
  return series.current;
}

function Spark({ values }: { values: number[] }) {
  if (values.length < 2) return null;
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const points = values.map((value, at) => `${(at / (values.length - 1)) * 60},${18 - ((value - least) / (most - least || 1)) * 16}`);
  return (
    <svg width="62" height="20" role="img" aria-label={`from ${number(values[0])} to ${number(values.at(-1))} since the page was opened`}>
      <polyline points={points.join(" ")} fill="none" stroke="currentColor" />
    </svg>
  );
}

function shown(value: Metric["value"]): string {
  if (typeof value === "number") return number(value);
  const parts = ["count", "min", "mean", "max"].filter((part) => value[part] !== null && value[part] !== undefined);
  return parts.map((part) => `${part} ${number(value[part])}`).join(", ");
}

interface Props {
  metrics: Polled<Metrics>;
  now: number;
  settled: boolean;
  search: string;
  origin: string;
  choice: Chosen | null;
  steps: ReadonlyMap<string, string>; // a step's id -> its name
  change: (name: string, value: string) => void;
}

export function MetricTable({ metrics, now, settled, search, origin, choice, steps, change }: Props) {
  const value = metrics.value;
  const series = useSeries(value);
  const rows = metricsOf(value?.rows ?? [], search, choice).filter((metric) => !origin || metric.origin === origin);
  return (
    <Panel
      id="metrics"
      title={choice ? `Metrics of ${choice.stage}` : "Metrics"}
      extra={
        <Flex gap={2} align="center" wrap="wrap">
          {value && <Age aged={value} now={now} settled={settled} />}
          <Select label="Origin of the metrics" value={origin} options={[["", "all"], ["user", "the pipeline's"], ["service", "the service's"]]} change={(name) => change("origin", name)} />
          <Search label="Search metrics" value={search} change={(text) => change("m", text)} />
        </Flex>
      }
    >
      {metrics.trouble && <Failed error={metrics.trouble} />}
      {value?.trouble && <Trouble text={value.trouble} />}
      {value && !rows.length && <Empty>{value.rows.length ? "No metric matches." : "The service has not reported any metrics."}</Empty>}
      {rows.length > 0 && (
        <Table
          label="Metrics"
          rows={rows}
          keyOf={keyOf}
          columns={[
            { name: "Metric", cell: (metric) => <Name text={metric.name} />, sort: (metric) => metric.name },
            { name: "Step", cell: (metric) => <Name text={steps.get(metric.step) ?? metric.step} />, sort: (metric) => steps.get(metric.step) ?? metric.step },
            { name: "Value", right: true, cell: (metric) => shown(metric.value), sort: (metric) => (typeof metric.value === "number" ? metric.value : (metric.value.count ?? 0)) },
            { name: "Since opened", cell: (metric) => <Spark values={series.get(keyOf(metric)) ?? []} /> },
          ]}
        />
      )}
      {value && value.left_out > 0 && <Empty>{`${value.left_out} more are not shown.`}</Empty>}
    </Panel>
  );
}
