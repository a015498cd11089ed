// The workers of the selected stage, with their work items.
import { Age, Empty, Failed, Panel, Table, Trouble } from "./parts";
import type { Polled } from "./poll";
import type { Workers } from "./types";
import { NOT_SAID, time } from "./words";

export function WorkerTable({ workers, stage, now, settled }: { workers: Polled<Workers>; stage: string; now: number; settled: boolean }) {
  const value = workers.value?.stage === stage ? workers.value : null;
  const rows = (value?.workers ?? []).flatMap(({ worker, items }) => items.map((item) => ({ worker, ...item })));
  return (
    <Panel id="workers" title={`Workers of ${stage}`} extra={value && <Age aged={value} now={now} settled={settled} />}>
      {workers.trouble && <Failed error={workers.trouble} />}
      {value?.trouble && <Trouble text={value.trouble} />}
      {value && !rows.length && <Empty>The service reports no workers for this stage.</Empty>}
      {rows.length > 0 && (
        <Table
          label={`Workers of ${stage}`}
          rows={rows}
          keyOf={(row) => `${row.worker} ${row.task} ${row.attempt}`}
          columns={[
            { name: "Worker", cell: (row) => row.worker, sort: (row) => row.worker },
            { name: "Item", cell: (row) => `${row.task}, attempt ${row.attempt}`, sort: (row) => row.task },
            { name: "State", cell: (row) => row.state || NOT_SAID, sort: (row) => row.state },
            { name: "Started", cell: (row) => time(row.start), sort: (row) => row.start },
            { name: "Done", right: true, cell: (row) => (row.progress === null ? NOT_SAID : `${Math.round(row.progress * 100)} %`), sort: (row) => row.progress ?? -1 },
          ]}
        />
      )}
    </Panel>
  );
}
