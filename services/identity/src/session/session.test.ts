import { judgeRefresh } from "./session";

const now = new Date("2026-11-20T12:00:00Z");
const secondsAgo = (seconds: number) => new Date(now.getTime() - seconds * 1000);
const alive = { endedAt: null, expiresAt: secondsAgo(-60) };

test("the newest token of a living session is rotated", () => {
  expect(judgeRefresh({ replacedAt: null, successorReplaced: false }, alive, now)).toBe("ROTATE");
});

test("the same token again within ten seconds gives the same successor", () => {
  expect(judgeRefresh({ replacedAt: secondsAgo(10), successorReplaced: false }, alive, now)).toBe("REPEAT");
});

test("later than that, it is reuse", () => {
  expect(judgeRefresh({ replacedAt: secondsAgo(10.001), successorReplaced: false }, alive, now)).toBe("REUSED");
});

test("once the successor was used, it is reuse at once", () => {
  expect(judgeRefresh({ replacedAt: secondsAgo(1), successorReplaced: true }, alive, now)).toBe("REUSED");
});

test.each([
  ["that ended", { endedAt: secondsAgo(1), expiresAt: secondsAgo(-60) }],
  ["that expired", { endedAt: null, expiresAt: now }],
])("nothing opens a session %s, and no token of it counts as reused", (_, session) => {
  for (const replacedAt of [null, secondsAgo(1), secondsAgo(1000)])
    expect(judgeRefresh({ replacedAt, successorReplaced: true }, session, now)).toBe("ENDED");
});
