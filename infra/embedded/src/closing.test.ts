import { closing } from "./closing";

test("what was opened is closed in the reverse order, once, and a failure holds up nothing", async () => {
  const closed: string[] = [];
  const close = closing();
  close.later(() => closed.push("database"));
  close.later(() => {
    throw new Error("won't close");
  });
  close.later(async () => closed.push("endpoint"));
  await expect(close.now()).rejects.toThrow("won't close");
  expect(closed).toEqual(["endpoint", "database"]);
  await close.now();
  expect(closed).toHaveLength(2);
});

test("whoever can't wait has everything closed at once, also behind what hangs", async () => {
  const closed: string[] = [];
  const close = closing();
  close.later(() => closed.push("database"));
  close.later(() => new Promise(() => {}));
  void close.now();
  await close.atOnce();
  expect(closed).toEqual(["database"]);
});
