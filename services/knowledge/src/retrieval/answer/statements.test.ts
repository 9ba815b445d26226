import { FormLabels, linesOf } from "./form-labels";
import { readPassages } from "./reading";
import { statementsOf } from "./statements";

function statements(text: string, learnedFrom: string[] = []) {
  const labels = new FormLabels();
  for (const each of [text, ...learnedFrom]) labels.learn(linesOf(each));
  return statementsOf(text, linesOf(text), labels);
}
const shown = (text: string, learnedFrom: string[] = []) =>
  statements(text, learnedFrom).map((statement) => statement.text);

describe("prose", () => {
  test("a sentence ends where it ends, not at an abbreviation, a number or the end of a line", () => {
    expect(
      shown("Dr. Miller of Smith Ltd. arrived at 5 p.m. on Jan. 3. She left at once. It cost approx. 3.5 m."),
    ).toEqual(["Dr. Miller of Smith Ltd. arrived at 5 p.m. on Jan. 3.", "She left at once.", "It cost approx. 3.5 m."]);
    expect(
      shown(
        "While on final approach for the 1,500-foot-long turf strip, the airplane contacted\ntrees, then utility wires. The accom-\nmodation was paid.",
      ),
    ).toEqual([
      "While on final approach for the 1,500-foot-long turf strip, the airplane contacted trees, then utility wires.",
      "The accommodation was paid.",
    ]);
    expect(shown("Die Richtlinie gilt seit dem 1. Januar 2025, z. B. für Reisen. Sie ist verbindlich.")).toHaveLength(
      2,
    );
  });

  test("the range is the sentence, without the space around it", () => {
    const text = "# Heading\n\n  First sentence here.  Second one\ngoes on. \n\n- An item of a list.\n";
    for (const { start, end, text: line } of statements(text))
      expect(text.slice(start, end).replace(/\s+/g, " ")).toBe(line);
  });

  test("a heading is context, and so are the words that lead in a list", () => {
    const found = statements(
      "# Fire\n\nIn a fire:\n\n- Leave the building.\n- Call 7112.\n\nAfterwards nobody enters.",
    );
    expect(found.map(({ text, heading, leadIn }) => [text, heading, leadIn])).toEqual([
      ["In a fire:", "Fire", ""],
      ["Leave the building.", "Fire", "In a fire:"],
      ["Call 7112.", "Fire", "In a fire:"],
      ["Afterwards nobody enters.", "Fire", ""],
    ]);
  });

  test("page marks say nothing", () => {
    expect(shown("Page 2 of 4 NYC08CA055\nThe pump is heavy.\n----------\n12")).toEqual(["The pump is heavy."]);
  });
});

describe("forms", () => {
  test("a field is its label and its value", () => {
    const [field] = statements("Rated power: 1.5 kW");
    expect(field).toMatchObject({ kind: "FIELD", text: "Rated power: 1.5 kW", start: 0, valueStart: 13, end: 19 });
  });

  test("columns printed side by side come apart where other copies of the form show how", () => {
    const one = "Certificate: Private Age: 38, Male\nSerial Number: M-555 Seats:";
    const other = "Certificate: Commercial Age: 61, Male\nSerial Number: 280 Seats: 4";
    const blank = "Certificate: Age:\nSerial Number: Seats: 2";
    expect(shown(one, [other, blank])).toEqual([
      "Certificate: Private",
      "Age: 38, Male",
      "Serial Number: M-555",
      "Seats:",
    ]);
    expect(shown("Location: Tallahassee, FL Accident Number: NYC08CA055")).toEqual([
      "Location: Tallahassee, FL",
      "Accident Number: NYC08CA055",
    ]);
  });

  test("a field left empty has no value", () => {
    const found = statements("Age: \nFlight Time:\nSeats: 4");
    expect(found.map(({ valueStart, end }) => valueStart >= end)).toEqual([true, true, false]);
  });

  test("a value goes on where the line broke it", () => {
    expect(shown("Restraint Used: Seatbelt, Shoulder\nharness\nSeats: 4")).toEqual([
      "Restraint Used: Seatbelt, Shoulder harness",
      "Seats: 4",
    ]);
  });
});

describe("tables", () => {
  const table =
    "| Priority | First response | Resolution |\n| --- | --- | --- |\n| P1 | 15 minutes | 4 hours |\n| P4 | | 10 days |";

  test("a row is read with the names of its columns", () => {
    const found = statements(table);
    expect(found.map(({ text }) => text)).toEqual([
      "P1: First response: 15 minutes; Resolution: 4 hours",
      "P4: Resolution: 10 days",
    ]);
    expect(table.slice(found[0]!.start, found[0]!.end)).toBe("| P1 | 15 minutes | 4 hours |");
    expect(shown("Name\tPhone\nGate\t7112")).toEqual(["Gate: 7112"]);
  });
});

test.each([
  "",
  "\n\n\n",
  ":",
  "::::",
  "|||",
  "|",
  "A:",
  "\f\f",
  "…",
  "a".repeat(50_000),
  "A: ".repeat(3000),
  "| ".repeat(3000),
])("rubbish is read without complaint and within reason: %#", (text) => {
  const startedAt = performance.now();
  readPassages([{ text }]);
  expect(performance.now() - startedAt).toBeLessThan(3000);
});

test("a reading is remembered by its text alone", () => {
  const [first] = readPassages([{ text: "The same sentence." }]);
  const [again, other] = readPassages([{ text: "The same sentence." }, { text: "Another sentence." }]);
  expect(again!.statements).toBe(first!.statements);
  expect(other!.statements[0]!.text).toBe("Another sentence.");
});
