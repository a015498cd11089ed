// Polls every ten seconds while the job is active, less often after errors, and never in a hidden tab or after the job's end.
import { useCallback, useEffect, useState } from "react";

import { Refused } from "./api";

export const EVERY = 10_000;
const SLOWEST = 60_000;

export interface Polled<T> {
  value: T | null;
  trouble: Refused | Error | null;
  at: number;
  again: () => void;
}

export function usePoll<T>(ask: (() => Promise<T>) | null, names: unknown[], over: (value: T) => boolean): Polled<T> {
  const [state, setState] = useState<{ value: T | null; trouble: Error | null; at: number }>({ value: null, trouble: null, at: 0 });
  const [turn, setTurn] = useState(0);
  const again = useCallback(() => setTurn((count) => count + 1), []);
  useEffect(() => {
    let timer = 0;
    let left = false;
    let pause = EVERY;
    const look = async () => {
      if (!ask || left) return;
      if (document.visibilityState === "hidden") return;
      try {
        const value = await ask();
        if (left) return;
        pause = EVERY;
        setState({ value, trouble: null, at: Date.now() });
        if (over(value)) return;
      } catch (error) {
        if (left) return;
        setState((known) => ({ ...known, trouble: error as Error }));
        if (error instanceof Refused && [401, 403, 404].includes(error.status)) return;
        pause = Math.min(pause * 2, SLOWEST);
      }
      window.clearTimeout(timer); // a tab that was left and returned to has asked twice, and both answers come here
      timer = window.setTimeout(look, pause);
    };
    const shown = () => {
      window.clearTimeout(timer);
      if (document.visibilityState === "visible") void look();
    };
    void look();
    document.addEventListener("visibilitychange", shown);
    return () => {
      left = true;
      window.clearTimeout(timer);
      document.removeEventListener("visibilitychange", shown);
    };
  }, [...names, turn]);
  return { ...state, again };
}

export function useNow(moving: boolean): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (!moving) return;
    const timer = window.setInterval(() => setNow(Date.now()), 1000);
    return () => window.clearInterval(timer);
  }, [moving]);
  return now;
}
