import { bucketsOf, startOfDay, timeZone, type Bucket } from "./calendar";

const at = (text: string) => new Date(text);
const days = (zone: string, from: string, to: string, bucket: Bucket = "DAY") =>
  bucketsOf({ from: at(from), to: at(to) }, bucket, zone, 1_000)!.map((each) => each.toISOString().slice(0, 16));

test("a day begins at the zone's own midnight, also off the hour", () => {
  const noon = at("2026-03-10T12:00:00Z");
  const starts = ["UTC", "Asia/Kolkata", "Asia/Kathmandu", "America/New_York", "Pacific/Kiritimati"].map((zone) =>
    startOfDay(noon, zone).toISOString(),
  );
  expect(starts).toEqual([
    "2026-03-10T00:00:00.000Z",
    "2026-03-09T18:30:00.000Z",
    "2026-03-09T18:15:00.000Z",
    "2026-03-10T04:00:00.000Z",
    "2026-03-10T10:00:00.000Z",
  ]);
});

test("the last millisecond of a day belongs to it, and the next one to the next day", () => {
  expect(startOfDay(at("2026-06-30T21:59:59.999Z"), "Europe/Berlin").toISOString()).toBe("2026-06-29T22:00:00.000Z");
  expect(startOfDay(at("2026-06-30T22:00:00.000Z"), "Europe/Berlin").toISOString()).toBe("2026-06-30T22:00:00.000Z");
});

test("days have 23 and 25 hours where clocks change", () => {
  expect(days("Europe/Berlin", "2026-03-28T23:00:00Z", "2026-03-30T00:00:00Z")).toEqual([
    "2026-03-28T23:00",
    "2026-03-29T22:00",
    "2026-03-30T22:00",
  ]);
  expect(days("Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z")).toEqual([
    "2026-10-24T22:00",
    "2026-10-25T23:00",
  ]);
});

test("where midnight is skipped, the day begins when clocks go on; where it comes twice, at the second", () => {
  // Beirut goes from 00:00 to 01:00 on 29 March 2026, and from 00:00 back to 23:00 on 25 October.
  expect(startOfDay(at("2026-03-29T10:00:00Z"), "Asia/Beirut").toISOString()).toBe("2026-03-28T22:00:00.000Z");
  expect(startOfDay(at("2026-10-25T10:00:00Z"), "Asia/Beirut").toISOString()).toBe("2026-10-24T22:00:00.000Z");
  expect(startOfDay(at("2026-10-24T21:30:00Z"), "Asia/Beirut").toISOString()).toBe("2026-10-23T21:00:00.000Z");
});

test("hours are the zone's, each instant belongs to one, and none is lost where clocks change by half an hour", () => {
  expect(days("Asia/Kolkata", "2026-01-01T00:00:00Z", "2026-01-01T01:30:00Z", "HOUR")).toEqual([
    "2025-12-31T23:30",
    "2026-01-01T00:30",
    "2026-01-01T01:30",
  ]);
  const lordHowe = bucketsOf(
    { from: at("2026-04-04T13:00:00Z"), to: at("2026-04-04T18:00:00Z") },
    "HOUR",
    "Australia/Lord_Howe",
    100,
  )!;
  const steps = lordHowe.slice(1).map((start, i) => (start.getTime() - lordHowe[i]!.getTime()) / 60_000);
  expect(steps.every((minutes) => minutes === 60 || minutes === 30 || minutes === 90)).toBe(true);
});

test("seven days away is seven days of the calendar", () => {
  expect(startOfDay(at("2026-03-31T12:00:00Z"), "Europe/Berlin", -7).toISOString()).toBe("2026-03-23T23:00:00.000Z");
});

test("more buckets than asked for are none", () => {
  expect(bucketsOf({ from: at("2026-01-01T00:00:00Z"), to: at("2026-01-02T00:00:00Z") }, "MINUTE", "UTC", 100)).toBe(
    null,
  );
});

test("only what the runtime knows is a zone", () => {
  expect(timeZone("europe/berlin")).toBe("Europe/Berlin");
  for (const name of ["", "Mars/Olympus", "UTC; drop", "a".repeat(100)]) expect(timeZone(name)).toBeNull();
});
