// Why a job failed, in one panel: what the task was told, and what the service says.
import { Box, Text } from "@chakra-ui/react";

import { Age, Empty, Failed, Panel, Trouble } from "./parts";
import type { Polled } from "./poll";
import type { Why } from "./types";
import { time } from "./words";

const LONG = { whiteSpace: "pre-wrap", wordBreak: "break-word", fontFamily: "monospace", fontSize: "13px" } as const;

export function WhyFailed({ why, now }: { why: Polled<Why>; now: number }) {
  const told = why.value;
  return (
    <Panel id="why" title="Why it failed" extra={told && <Age aged={told} now={now} />}>
      {why.trouble && <Failed error={why.trouble} />}
      {told?.trouble && <Trouble text={told.trouble} />}
      {told?.error && <Text style={LONG}>{told.error}</Text>}
      {told?.errors.map((message) => (
        <Box key={message.id + message.time} mt={2}>
          <Text fontSize="xs" color="fg.muted">
            {time(message.time)}
          </Text>
          <Text style={LONG}>{message.text}</Text>
        </Box>
      ))}
      {told?.stages.map((stage) => (
        <Text key={stage.id} fontSize="sm">{`Stage ${stage.id} failed.`}</Text>
      ))}
      {told?.nodes.map((node) => (
        <Text key={node.id} fontSize="sm">
          {`Node ${node.name} (${node.kind}) ${node.state}${node.out_failed ? `, ${node.out_failed} rows failed` : ""}${node.message ? `: ${node.message}` : ""}`}
        </Text>
      ))}
      {told && !told.error && !told.errors.length && !told.stages.length && !told.nodes.length && <Empty>The service did not say why.</Empty>}
    </Panel>
  );
}
