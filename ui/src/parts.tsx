// Small components that several panels use.
import { Badge, Box, Button, Flex, Heading, Input, Text } from "@chakra-ui/react";
import { Component, Fragment, type ReactNode, useMemo, useState } from "react";

import type { Refused } from "./api";
import type { Aged, Phase } from "./types";
import { PHASES, inked, seconds } from "./words";

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
    <Box as="section" aria-labelledby={`${id}-title`} data-testid={id} borderWidth="1px" borderColor="border.emphasized" borderRadius="md" p={3} minW={0}>
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
      ? "Your session has expired. Reload the page to log in."
      : status === 403
        ? "Your role does not allow you to see this."
        : status >= 400 && status < 500
          ? error.message
          : `Airflow did not answer: ${error.message}`;
  return <Trouble text={text} />;
}

export function StateBadge({ phase, text }: { phase: Phase; text: string }) {
  const { icon, colour, word } = PHASES[phase];
  return (
    <Badge variant="outline" data-testid="state" data-phase={phase} title={word}>
      <span aria-hidden="true" style={{ color: inked(colour) }}>
        {icon}
      </span>
      {text}
    </Badge>
  );
}

export function Age({ aged, now, settled }: { aged: Aged; now: number; settled?: boolean }) {
  if (!aged.as_of) return null;
  const text = settled && !aged.trouble ? "final" : `as of ${seconds(Math.round(Math.max(0, now / 1000 - aged.as_of)))} ago`;
  return (
    <Text as="span" fontSize="xs" color="fg.muted" data-testid="age">
      {text}
    </Text>
  );
}

// A name that may wrap after a slash, a dot or an underscore, or before a capital letter.
export function Name({ text }: { text: string }) {
  return text.split(/(?<=[/._])|(?<=[a-z])(?=[A-Z])/).map((part, at) => (
    <Fragment key={at}>
      {at > 0 && <wbr />}
      {part}
    </Fragment>
  ));
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
  short?: boolean; // does not wrap, like right-aligned numbers
}

const CELL = { padding: "3px 8px", borderBottom: "1px solid var(--chakra-colors-border)", verticalAlign: "top" } as const;
const HEAD = { ...CELL, verticalAlign: "bottom", whiteSpace: "nowrap", fontWeight: 500 } as const;

// `whole`: the table is as high as its rows and does not scroll; the page does.
export function Table<T>({ label, columns, rows, keyOf, onRow, whole }: { label: string; columns: Column<T>[]; rows: T[]; keyOf: (row: T) => string; onRow?: (row: T) => void; whole?: boolean }) {
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
    <Box overflowX="auto" maxH={whole ? undefined : "420px"} overflowY="auto" tabIndex={0} role="region" aria-label={label}>
      <table aria-label={label} style={{ width: "100%", fontSize: "13px", borderCollapse: "collapse" }}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.name} scope="col" style={{ ...HEAD, textAlign: column.right ? "right" : "left" }} aria-sort={order?.name === column.name ? (order.down ? "descending" : "ascending") : undefined}>
                {column.sort ? (
                  <Button size="2xs" variant="plain" px={0} minW={0} height="auto" fontSize="inherit" color="inherit" onClick={() => turn(column.name)}>
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
                <td key={column.name} style={{ ...CELL, textAlign: column.right ? "right" : "left", whiteSpace: column.right || column.short ? "nowrap" : undefined, overflowWrap: "break-word" }}>
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

// Keeps the typed text itself, because the page's URL changes too slowly for fast typing.
export function Search({ label, value, change }: { label: string; value: string; change: (value: string) => void }) {
  const [typed, setTyped] = useState(value);
  const type = (event: { target: { value: string } }) => {
    setTyped(event.target.value);
    change(event.target.value);
  };
  return <Input aria-label={label} placeholder="Search" size="2xs" width="140px" value={typed} onChange={type} />;
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
