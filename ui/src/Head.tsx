// The head of the page: the job, its state, its task, and the actions on it.
import { Box, Flex, Heading, Text } from "@chakra-ui/react";
import type { ReactNode } from "react";

import { Actions } from "./Actions";
import { Age, StateBadge, Trouble } from "./parts";
import type { Overview, TaskKey } from "./types";
import { NOT_SAID, number, plain, seconds, time } from "./words";

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <Box minW="110px">
      <Text as="dt" fontSize="xs" color="fg.muted">
        {name}
      </Text>
      <Text as="dd" fontSize="sm" wordBreak="break-word">
        {children}
      </Text>
    </Box>
  );
}

function launchedBy(view: Overview): string {
  if (view.job?.followed) return "another task; this task only follows the job";
  const known = view.stored?.tries.find((entry) => entry.job_id === view.job?.job_id);
  if (view.stored?.foreign) return "someone else; this task follows the job";
  const run = view.task.run.by ? `, run by ${view.task.run.by}` : view.task.run.type ? `, ${view.task.run.type} run` : "";
  if (!known) return `this task${run}`;
  const first = view.stored?.tries.find((entry) => entry.job_id === known.job_id) ?? known;
  const taken = view.stored?.tries.filter((entry) => entry.job_id === known.job_id && entry.adopted).map((entry) => entry.try) ?? [];
  return `try ${first.try}${run}${taken.length ? `; taken over by try ${taken.join(", ")}` : ""}`;
}

function duration(view: Overview, now: number): string {
  const start = Date.parse(view.now.started || view.now.created || "");
  const ended = view.now.phase === "moving" ? now : Date.parse(view.now.ended || view.now.state_since || "");
  return start && ended ? seconds((ended - start) / 1000) : NOT_SAID;
}

export function Head({ view, task, now, again }: { view: Overview; task: TaskKey; now: number; again: () => void }) {
  const { job } = view;
  const seen = view.now;
  if (!job) return null;
  const wave = job.service === "wave";
  return (
    <Box as="header" data-testid="head">
      <Flex justify="space-between" align="center" gap={3} wrap="wrap" mb={2}>
        <Flex align="center" gap={3} wrap="wrap">
          <Heading as="h1" size="md" wordBreak="break-all">
            {seen.name || job.job_id}
          </Heading>
          <span aria-live="polite">
            <StateBadge phase={seen.phase ?? "pending"} text={seen.state ? plain(seen.state) : NOT_SAID} />
          </span>
          <Age aged={seen} now={now} settled={seen.settled} />
        </Flex>
        <Actions allowed={view.may.act} task={task} again={again} />
      </Flex>
      {seen.trouble && <Trouble text={seen.trouble} />}
      {view.gaps.map((gap) => (
        <Trouble key={gap} text={gap} />
      ))}
      {seen.source === "stored" && <Trouble text={`Stored by the task${seen.seen ? `, last seen ${time(seen.seen)}` : ""}.`} />}
      <Flex as="dl" gap={4} wrap="wrap">
        <Fact name={wave ? "Run" : "Job"}>
          {view.link ? (
            <a href={view.link} target="_blank" rel="noreferrer" style={{ textDecoration: "underline" }}>
              {job.job_id}
            </a>
          ) : (
            job.job_id
          )}
        </Fact>
        <Fact name="Type">{seen.type || NOT_SAID}</Fact>
        {!wave && <Fact name="Where">{`${job.project_id ?? "the connection's project"} / ${job.location ?? "the connection's location"}`}</Fact>}
        <Fact name="Created">{time(seen.created)}</Fact>
        <Fact name="Started">{time(seen.started)}</Fact>
        <Fact name={seen.phase === "moving" ? "Running for" : "Ran for"}>{duration(view, now)}</Fact>
        {wave && <Fact name="In the queue">{seconds(seen.waited)}</Fact>}
        {wave && <Fact name="Progress">{seen.progress === null || seen.progress === undefined ? NOT_SAID : `${number(Math.min(seen.progress, 1) * 100, 3)} %`}</Fact>}
        {!wave && <Fact name="SDK">{seen.sdk || NOT_SAID}</Fact>}
        <Fact name="Launched by">{launchedBy(view)}</Fact>
        <Fact name="Task">{`${view.task.operator}, ${plain(view.task.state) || "no state"}, try ${view.task.try} of ${Math.max(view.task.max_tries + 1, view.task.try)}`}</Fact>
        {seen.replaced_by && <Fact name="Replaced by">{seen.replaced_by}</Fact>}
        {seen.replaces && <Fact name="Replaces">{seen.replaces}</Fact>}
      </Flex>
    </Box>
  );
}
