// Buttons for the actions on the job. Each opens a dialog that explains what happens to the job and its task.
import { Button, Flex, Text } from "@chakra-ui/react";
import { useEffect, useRef, useState } from "react";

import { act } from "./api";
import type { Action, TaskKey } from "./types";
import { ACTIONS } from "./words";

const DIALOG = {
  maxWidth: "480px",
  padding: "20px",
  borderRadius: "8px",
  border: "1px solid var(--chakra-colors-border)",
  background: "var(--chakra-colors-bg)",
  color: "var(--chakra-colors-fg)",
  margin: "auto",
};

function Question({ action, task, done }: { action: Action; task: TaskKey; done: (said: string) => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState("");
  const { label, question, means } = ACTIONS[action];
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  const go = async () => {
    setBusy(true);
    try {
      const reply = await act(task, action);
      done(reply.done);
    } catch (error) {
      setTrouble((error as Error).message);
      setBusy(false);
    }
  };
  return (
    <dialog ref={dialog} style={DIALOG} aria-labelledby="question" onCancel={() => done("")} data-testid="question">
      <Text id="question" fontWeight="bold" mb={2}>
        {question}
      </Text>
      <Text mb={3}>{means}</Text>
      {trouble && (
        <Text role="alert" color="fg.error" mb={3}>
          {trouble}
        </Text>
      )}
      <Flex gap={2} justify="flex-end">
        <Button size="sm" variant="outline" onClick={() => done("")} autoFocus>
          Leave it
        </Button>
        <Button size="sm" colorPalette={action === "snapshot" ? "brand" : "danger"} loading={busy} onClick={go}>
          {label}
        </Button>
      </Flex>
    </dialog>
  );
}

export function Actions({ allowed, task, again }: { allowed: Action[]; task: TaskKey; again: () => void }) {
  const [asked, setAsked] = useState<Action | null>(null);
  const [said, setSaid] = useState("");
  const done = (text: string) => {
    setAsked(null);
    setSaid(text);
    if (text) again();
  };
  return (
    <Flex gap={2} align="center" data-testid="actions">
      <Text aria-live="polite" fontSize="sm">
        {said}
      </Text>
      {allowed.map((action) => (
        <Button key={action} size="sm" variant="outline" onClick={() => setAsked(action)}>
          {ACTIONS[action].label}
        </Button>
      ))}
      {asked && <Question action={asked} task={task} done={done} />}
    </Flex>
  );
}
