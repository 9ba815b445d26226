import { LightAbortController } from "./light-abort";

test("whoever listens is told once, with the reason, and whoever comes later sees it", () => {
  const controller = new LightAbortController();
  const { signal } = controller;
  const heard: unknown[] = [];
  signal.addEventListener("abort", () => heard.push("a function"));
  signal.addEventListener("abort", { handleEvent: () => heard.push("an object") });
  const left = () => heard.push("one that left");
  signal.addEventListener("abort", left);
  signal.removeEventListener("abort", left);
  signal.throwIfAborted();
  expect(signal.aborted).toBe(false);

  const reason = new Error("The client has gone.");
  controller.abort(reason);
  controller.abort(new Error("another"));
  expect(heard).toEqual(["a function", "an object"]);
  expect(signal.aborted).toBe(true);
  expect(signal.reason).toBe(reason);
  expect(() => signal.throwIfAborted()).toThrow(reason);
});

test("as many may listen as like", () => {
  const warned = jest.spyOn(process, "emitWarning");
  const { signal } = new LightAbortController();
  for (let n = 0; n < 100; n++) signal.addEventListener("abort", () => n);
  expect(warned).not.toHaveBeenCalled();
});
