// Why a job failed, in one panel: the task's error and what the service reports.
import { Box, Text } from "@chakra-ui/react";

import { Age, Empty, Failed, Panel, Trouble } from "./parts";
import type { Polled } from "./poll";
import type { Why } from "./types";
import { several, time } from "./words";

const LONG = { whiteSpace: "pre-wrap", wordBreak: "break-word", fontFamily: "monospace", fontSize: "13px" } as const;

export function WhyFailed({ why, now, settled }: { why: Polled<Why>; now: number; settled: boolean }) {
  const seen = why.value;
  return (
    <Panel id="why" title="Why it failed" extra={seen && <Age aged={seen} now={now} settled={settled} />}>
      {why.trouble && <Failed error={why.trouble} />}
      {seen?.trouble && <Trouble text={seen.trouble} />}
      {seen?.error && <Text style={LONG}>{seen.error}</Text>}
      {seen?.errors.map((message) => (
        <Box key={message.id + message.time} mt={2}>
          <Text fontSize="xs" color="fg.muted">
            {time(message.time)}
          </Text>
          <Text style={LONG}>{message.text}</Text>
        </Box>
      ))}
      {seen?.stages.map((stage) => (
        <Text key={stage.id} fontSize="sm">{`Stage ${stage.id} failed.`}</Text>
      ))}
      {seen?.nodes.map((node) => (
        <Text key={node.id} fontSize="sm">
          {`Node ${node.name} (${node.kind}) ${node.state}${node.out_failed ? `, ${several(node.out_failed, "row")} failed` : ""}${node.message ? `: ${node.message}` : ""}`}
        </Text>
      ))}
      {seen?.logs && (
        <Text fontSize="sm" mt={2}>
          <a href={seen.logs} target="_blank" rel="noreferrer" style={{ textDecoration: "underline" }}>
            Errors of the workers in Cloud Logging
          </a>
        </Text>
      )}
      {seen && !seen.error && !seen.errors.length && !seen.stages.length && !seen.nodes.length && <Empty>The service did not report a reason.</Empty>}
    </Panel>
  );
}
