// The job's messages, filtered by level, search text and selected stage.
import { Box, Flex, Text } from "@chakra-ui/react";

import { type Chosen, LEVELS, messagesOf } from "./filter";
import { Age, Empty, Failed, Panel, Search, Select, Trouble } from "./parts";
import type { Polled } from "./poll";
import type { Level, Messages } from "./types";
import { PHASES, inked, time } from "./words";

const MOST = 500;

interface Props {
  messages: Polled<Messages>;
  now: number;
  settled: boolean;
  level: Level;
  search: string;
  choice: Chosen | null;
  change: (name: string, value: string) => void;
}

export function MessageList({ messages, now, settled, level, search, choice, change }: Props) {
  const value = messages.value;
  const fitting = value ? messagesOf(value.messages, level, search, choice) : [];
  const shown = fitting.slice(-MOST).reverse();
  return (
    <Panel
      id="messages"
      title={choice ? `Messages of ${choice.stage}` : "Messages"}
      extra={
        <Flex gap={2} align="center" wrap="wrap">
          {value && <Age aged={value} now={now} settled={settled} />}
          <Select label="Minimum level" value={level} options={LEVELS.map((name) => [name, name])} change={(name) => change("level", name)} />
          <Search label="Search messages" value={search} change={(text) => change("q", text)} />
        </Flex>
      }
    >
      {messages.trouble && <Failed error={messages.trouble} />}
      {value?.trouble && <Trouble text={value.trouble} />}
      {value && !shown.length && <Empty>{value.messages.length ? "No message matches." : "The service has reported no messages."}</Empty>}
      <Box as="ol" maxH="480px" overflowY="auto" tabIndex={0} aria-label="Messages, the newest first">
        {shown.map((message) => (
          <Box as="li" key={`${message.time} ${message.id} ${message.text}`} py={1} borderBottomWidth="1px" fontSize="sm" data-testid="message" data-level={message.level}>
            <Text as="span" color="fg.muted" fontSize="xs" mr={2}>
              {time(message.time)}
            </Text>
            <Text as="span" fontSize="xs" mr={2} style={{ color: message.level === "error" ? inked(PHASES.failed.colour) : undefined, fontWeight: ["error", "warning"].includes(message.level) ? 700 : 400 }}>
              {message.level}
            </Text>
            <span style={{ whiteSpace: "pre-wrap", wordBreak: "break-word" }}>{message.text}</span>
          </Box>
        ))}
      </Box>
      {fitting.length > MOST && <Empty>{`The newest ${MOST} of ${fitting.length} are shown; search for the others.`}</Empty>}
    </Panel>
  );
}
