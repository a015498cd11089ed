// The small parts that several panels are made of.
import { Badge, Box, Button, Flex, Heading, Text } from "@chakra-ui/react";
import { Component, type ReactNode, useMemo, useState } from "react";

import type { Refused } from "./api";
import type { Aged, Phase } from "./types";
import { PHASES, seconds } from "./words";

class Boundary extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state = { error: null as Error | null };
  static getDerivedStateFromError(error: Error) {
    return { error };
  }
  override render() {
    return this.state.error ? <Trouble text={`This panel cannot be drawn: ${this.state.error.message}`} /> : this.props.children;
  }
}

export function Panel({ title, extra, children, id }: { title: string; extra?: ReactNode; children: ReactNode; id: string }) {
  return (
    <Box as="section" aria-labelledby={`${id}-title`} data-testid={id} borderWidth="1px" borderRadius="md" p={3} minW={0}>
      <Flex justify="space-between" align="center" gap={3} mb={2} wrap="wrap">
        <Heading as="h2" size="sm" id={`${id}-title`}>
          {title}
        </Heading>
        {extra}
      </Flex>
      <Boundary>{children}</Boundary>
    </Box>
  );
}

export function Trouble({ text }: { text: string }) {
  return (
    <Box role="note" bg="bg.muted" borderRadius="sm" px={2} py={1} mb={2} fontSize="sm" data-testid="trouble">
      {text}
    </Box>
  );
}

export function Failed({ error }: { error: Error | Refused }) {
  const status = (error as Refused).status;
  const text =
    status === 401
      ? "Your login has ended. Load the page again to log in."
      : status === 403
        ? "Your role does not allow you to see this."
        : status === 404
          ? error.message
          : `Airflow did not answer: ${error.message}`;
  return <Trouble text={text} />;
}

export function StateBadge({ phase, text }: { phase: Phase; text: string }) {
  const { icon, colour, word } = PHASES[phase];
  return (
    <Badge variant="outline" data-testid="state" data-phase={phase} title={word}>
      <span aria-hidden="true" style={{ color: colour }}>
        {icon}
      </span>
      {text}
    </Badge>
  );
}

export function Age({ aged, now, settled }: { aged: Aged; now: number; settled?: boolean }) {
  if (!aged.as_of) return null;
  const text = settled ? "final" : `as of ${seconds(Math.round(Math.max(0, now / 1000 - aged.as_of)))} ago`;
  return (
    <Text as="span" fontSize="xs" color="fg.muted" data-testid="age">
      {text}
    </Text>
  );
}

export function Empty({ children }: { children: ReactNode }) {
  return (
    <Text color="fg.muted" fontSize="sm">
      {children}
    </Text>
  );
}

export interface Column<T> {
  name: string;
  cell: (row: T) => ReactNode;
  sort?: (row: T) => string | number;
  right?: boolean;
}

const CELL = { padding: "3px 8px", borderBottom: "1px solid var(--chakra-colors-border)", verticalAlign: "top" } as const;

export function Table<T>({ label, columns, rows, keyOf, onRow }: { label: string; columns: Column<T>[]; rows: T[]; keyOf: (row: T) => string; onRow?: (row: T) => void }) {
  const [order, setOrder] = useState<{ name: string; down: boolean } | null>(null);
  const shown = useMemo(() => {
    const sort = columns.find((column) => column.name === order?.name)?.sort;
    if (!sort || !order) return rows;
    const sign = order.down ? -1 : 1;
    const compare = (one: string | number, other: string | number) =>
      typeof one === "number" && typeof other === "number" ? one - other : String(one).localeCompare(String(other));
    return [...rows].sort((one, other) => sign * compare(sort(one), sort(other)));
  }, [rows, order, columns]);
  const turn = (name: string) => setOrder((last) => (last?.name === name ? { name, down: !last.down } : { name, down: true }));
  return (
    <Box overflowX="auto" maxH="420px" overflowY="auto" tabIndex={0} role="region" aria-label={label}>
      <table aria-label={label} style={{ width: "100%", fontSize: "13px", borderCollapse: "collapse" }}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.name} scope="col" style={{ ...CELL, textAlign: column.right ? "right" : "left", whiteSpace: "nowrap" }} aria-sort={order?.name === column.name ? (order.down ? "descending" : "ascending") : undefined}>
                {column.sort ? (
                  <Button size="2xs" variant="plain" onClick={() => turn(column.name)}>
                    {column.name}
                    {order?.name === column.name ? (order.down ? " ↓" : " ↑") : ""}
                  </Button>
                ) : (
                  column.name
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((row) => (
            <tr key={keyOf(row)} onClick={onRow && (() => onRow(row))} style={{ cursor: onRow ? "pointer" : undefined }}>
              {columns.map((column) => (
                <td key={column.name} style={{ ...CELL, textAlign: column.right ? "right" : "left" }}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Box>
  );
}

export function Toggle({ on, names, change, label }: { on: string; names: [string, string][]; change: (name: string) => void; label: string }) {
  return (
    <Flex role="group" aria-label={label} gap={1}>
      {names.map(([name, text]) => (
        <Button key={name} size="2xs" variant={on === name ? "solid" : "outline"} aria-pressed={on === name} onClick={() => change(name)}>
          {text}
        </Button>
      ))}
    </Flex>
  );
}

export function Select({ label, value, options, change }: { label: string; value: string; options: [string, string][]; change: (value: string) => void }) {
  return (
    <select
      aria-label={label}
      value={value}
      onChange={(event) => change(event.target.value)}
      style={{ fontSize: "13px", padding: "2px 6px", borderRadius: "4px", border: "1px solid var(--chakra-colors-border)", background: "var(--chakra-colors-bg)", color: "inherit" }}
    >
      {options.map(([name, text]) => (
        <option key={name} value={name}>
          {text}
        </option>
      ))}
    </select>
  );
}
