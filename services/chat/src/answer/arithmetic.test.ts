import type { ChatbotSettings } from "../chatbot/chatbot";
import { answerToArithmetic } from "./arithmetic";

const settings: ChatbotSettings = {
  name: "Ada's helper",
  greeting: "",
  persona: "",
  instructions: "",
  language: "en",
  refusalText: null,
  knowledgeBaseIds: [],
};
const say = (text: string, language = "en") =>
  answerToArithmetic({ settings: { ...settings, language }, text, history: [] })?.sentences[0]!.text ?? null;
const result = (text: string, language?: string) => say(text, language)?.split(/ [=≈] /)[1];

test.each([
  ["1 + 2 * 3", "7"],
  ["(1 + 2) * 3", "9"],
  ["0.1 + 0.2", "0.3"],
  ["12.50 × 3 − 0.5", "37"],
  ["-3 - -4", "1"],
  ["2 ^ 10", "1024"],
  ["2^3^2", "512"],
  ["-2^2", "-4"],
  ["2^-2", "0.25"],
  ["7 / 8", "0.875"],
  ["1 / 3", "0.333333333333"],
  ["2 / 3", "0.666666666667"],
  ["What is 15% of 80?", "12"],
  ["200 + 10%", "220"],
  ["200 - 10 percent", "180"],
  ["50%", "0.5"],
  ["1,250 * 2", "2500"],
  ["1,250,000.5 + 1", "1250001.5"],
  ["how much is 12 times 12?", "144"],
  ["9 divided by 4 =", "2.25"],
  ["99999999999999999999 + 1", "100000000000000000000"],
])("%s is %s", (text, expected) => expect(result(text)).toBe(expected));

test.each([
  ["Wie viel ist 15 Prozent von 80?", "12"],
  ["12,5 mal 2", "25"],
  ["1.234,56 + 1", "1235,56"],
  ["10 geteilt durch 4", "2,5"],
  ["1.5 + 1", "2,5"],
])("in German, %s is %s", (text, expected) => expect(result(text, "de")).toBe(expected));

test.each([
  ["a question", "What is clause 4?"],
  ["a number alone", "42"],
  ["a day", "2026-11-20"],
  ["an American day", "11/20/2026"],
  ["a telephone number", "+49 30 1234567"],
  ["a number that begins with nought", "0170-123456"],
  ["a case number", "12-34-56"],
  ["an open end", "1 +"],
  ["an unclosed bracket", "(1 + 2"],
  ["an odd grouping", "12,34 * 2"],
  ["code", "1 + process.exit(1)"],
  ["a name", "constructor * 2"],
  ["a root", "4 ^ 0.5"],
  ["brackets without end", "(".repeat(150)],
  ["signs without end", `${"-".repeat(150)}1`],
])("%s is no calculation: %s", (_, text) => expect(say(text)).toBeNull());

test("nothing is divided by zero, and no number grows without end", () => {
  expect(say("1 / 0")).toBe("Nothing can be divided by zero.");
  expect(say("1 / (2 - 2)")).toBe("Nothing can be divided by zero.");
  expect(say("0 ^ -1")).toBe("Nothing can be divided by zero.");
  const startedAt = performance.now();
  expect(say("9^9^9^9")).toBe("That number is too large for me.");
  expect(say("10^4000 * 10^4000")).toBe("That number is too large for me.");
  expect(say("1 / 10^99999999999")).toBe("That number is too large for me.");
  expect(performance.now() - startedAt).toBeLessThan(100);
  expect(result("1^999999999999")).toBe("1");
});

test("what is only nearly right says so", () => {
  expect(say("1 / 3")).toBe("1 / 3 ≈ 0.333333333333");
  expect(say("1 / 4")).toBe("1 / 4 = 0.25");
});
