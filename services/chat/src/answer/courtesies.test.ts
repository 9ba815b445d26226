import type { ChatbotSettings } from "../chatbot/chatbot";
import type { Turn } from "./answer";
import { phrasings } from "./follow-up";
import { answerToIntent } from "./intent";
import { answerToSmallTalk } from "./small-talk";

const settings: ChatbotSettings = {
  name: "Ada's helper",
  greeting: "Welcome!",
  persona: "",
  instructions: "",
  language: "en",
  refusalText: null,
  knowledgeBaseIds: [],
};
const on = (text: string, language = "en") => ({ settings: { ...settings, language }, text, history: [] });
const smallTalk = (text: string, language?: string) => answerToSmallTalk(on(text, language))?.sentences[0]!.text;
const intent = (text: string, language?: string) => answerToIntent(on(text, language))?.sentences[0]!.text;

test("a courtesy is returned in its own language, a greeting with the bot's own", () => {
  expect(smallTalk("Hello!")).toBe("Welcome!");
  expect(smallTalk("Hallo")).toBe("Hallo! Ich bin Ada's helper. Was möchten Sie wissen?");
  expect(smallTalk("Guten Tag!!", "de")).toBe("Welcome!");
  expect(smallTalk("thanks a lot 🙂")).toBe("You're welcome.");
  expect(smallTalk("Vielen Dank.")).toBe("Gern geschehen.");
  expect(smallTalk("Who are you?")).toContain("I am Ada's helper");
  expect(smallTalk("Tschüss", "en")).toBe("Auf Wiedersehen!");
});

test("a question that begins with a courtesy is a question", () => {
  for (const text of [
    "Hello, what does clause 4 say?",
    "Thanks, and the gloves?",
    "Who are you to be liable?",
    "hi-vis",
  ])
    expect(smallTalk(text)).toBeUndefined();
});

test("commands say what is possible, unknown ones which there are", () => {
  expect(intent("/help")).toContain("15% of 80");
  expect(intent(" /HILFE ", "de")).toContain("15 % von 80");
  expect(intent("/reset")).toContain("begin anew");
  expect(intent("/format")).toBe("I don't know the command /format. I know /help and /reset.");
  for (const text of ["/", "/etc/passwd", "either/or", "/help me with clause 4"]) expect(intent(text)).toBeUndefined();
});

test("who wants a person is told what is possible instead", () => {
  for (const text of ["I want to talk to a person", "talk to a human", "Please connect me with an agent!", "/human"])
    expect(intent(text)).toContain("can't connect you");
  for (const text of ["Ich möchte mit einem Menschen sprechen.", "Kann ich mit einem Mitarbeiter reden?"])
    expect(intent(text)).toContain("mit keinem Menschen verbinden");
  expect(intent("Who may talk to a person of trust about an accident?")).toBeUndefined();
});

test("only a question that points back is joined with the one before", () => {
  const asked: Turn[] = [
    { text: "When is a helmet needed?", reason: "KNOWLEDGE" },
    { text: "Thanks", reason: "SMALL_TALK" },
  ];
  expect(phrasings("What does clause 4 say about scaffolds?", asked)).toEqual([
    "What does clause 4 say about scaffolds?",
  ]);
  expect(phrasings("What about gloves?", asked)[0]).toBe("When is a helmet needed? What about gloves?");
  expect(phrasings("Und warum?", asked)[0]).toBe("When is a helmet needed? Und warum?");
  expect(phrasings("Gloves?", asked)).toEqual(["Gloves?", "When is a helmet needed? Gloves?"]);
  expect(phrasings("And gloves?", [])).toEqual(["And gloves?"]);
  expect(phrasings("And gloves?", [...asked, { text: "/reset", reason: "COMMAND" }])).toEqual(["And gloves?"]);
});
