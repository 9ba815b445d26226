import { sentencesOf } from "./sentences";

function said(text: string): string[] {
  return sentencesOf(text).map(({ start, end }) => text.slice(start, end));
}

test("sentences end at full stops, question marks and exclamation marks, also before a closing quotation mark", () => {
  expect(said('It failed. Why? "Because of the wire!" He left.')).toEqual([
    "It failed.",
    "Why?",
    '"Because of the wire!"',
    "He left.",
  ]);
});

test.each([
  "Dr. Gretz and Mr. Forman met at St. Mark's, cf. Fig. 3 on pp. 12 to 14.",
  "The pilot, J. R. Smith, flew e.g. 17 hours; No. 5 was his.",
  "Das Gesetz (z. B. Abs. 2 und Art. 5) gilt ca. 3 Jahre, d. h. bis Nr. 7 endet.",
  "It cost 1.250,50 EUR or 1,250.50 USD at example.org on 12.08.2007.",
  "The airplane of Acme Inc. was new.",
])("abbreviations, initials and numbers end no sentence: %s", (sentence) => {
  expect(said(sentence)).toEqual([sentence]);
});

test("a line's end within a paragraph ends no sentence, an empty line does", () => {
  expect(said("The airplane contacted\ntrees. It came\nto rest.")).toEqual([
    "The airplane contacted\ntrees.",
    "It came\nto rest.",
  ]);
  expect(said("A title\n\nThen text")).toEqual(["A title", "Then text"]);
});

test("a list's number stays with its text", () => {
  expect(said("1. Open the valve. 2. Close it.")).toEqual(["1. Open the valve.", "2. Close it."]);
});

test("other scripts have their own full stops", () => {
  expect(said("市議会は承認した。予算は支出される。")).toEqual(["市議会は承認した。", "予算は支出される。"]);
});

test("blanks have no sentences", () => {
  expect(said(" \n ")).toEqual([]);
});
