import assert from "node:assert/strict";
import { mock, test } from "node:test";

// What usePoll needs of React and of a page: an effect that runs at once, and a tab that can be left and returned to.
const page = Object.assign(new EventTarget(), { visibilityState: "visible" });
const useState = (first: unknown) => [first, () => {}];
const React = { useState, useCallback: (call: unknown) => call, useEffect: (effect: () => void) => effect() };
Object.assign(globalThis, { React, document: page, window: globalThis });

function turnTo(visibilityState: string) {
  page.visibilityState = visibilityState;
  page.dispatchEvent(new Event("visibilitychange"));
}

test("a tab that is left and returned to while the server is slow polls no faster afterwards", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { EVERY, usePoll } = await import("../src/poll");
  const waiting: (() => void)[] = [];
  const settle = async () => {
    for (const answer of waiting.splice(0)) answer();
    await new Promise(setImmediate);
  };
  let asked = 0;
  const ask = () => {
    asked += 1;
    return new Promise<void>((answer) => waiting.push(answer));
  };
  usePoll(ask, [], () => false);
  for (let times = 0; times < 5; times++) {
    turnTo("hidden");
    turnTo("visible");
  }
  await settle();
  asked = 0;
  mock.timers.tick(EVERY);
  await settle();
  assert.equal(asked, 1);
  mock.timers.reset();
});
