import { analyze, analyzeQuery } from "./analyzer";
import { stem } from "./languages";
import { plainNumber, tokensOf } from "./tokens";

const words = (text: string) => tokensOf(text).map((token) => token.text);

describe("words", () => {
  test("a token's range is exactly what it was made from", () => {
    const text = "The pilot's N123AB — «Größe» 1,500-foot-long, e-mail a@b.com, 東京 and 10mm.";
    for (const { start, end, text: token } of tokensOf(text)) {
      const source = text.slice(start, end).toLowerCase();
      expect(source.replace(/[-,]/g, "")).toContain(token.replace(/[-,]/g, "").slice(0, 2));
      expect(source.trim()).toBe(source);
    }
  });

  test("codes stay whole", () => {
    expect(words("N123AB XB-GTS O-360-A1A-5")).toEqual(expect.arrayContaining(["n123ab", "xbgts", "o360a1a5"]));
  });

  test("joined words are found by their parts, and written together", () => {
    expect(words("take-off")).toEqual(["take", "off", "takeoff"]);
    expect(words("takeoff")).toEqual(["takeoff"]);
    expect(words("10mm")).toEqual(["10mm", "10", "mm"]);
  });

  test("a word broken at a line's end is one word", () => {
    expect(words("accom-\nmodation")).toContain("accommodation");
    expect(words("dash -\nnext")).not.toContain("dashnext");
  });

  test("a number is the same however its digits are grouped", () => {
    expect(words("2,319 hours")).toContain("2319");
    expect(words("2.319 Stunden")).toContain("2319");
    expect(plainNumber("1.234.567,89")).toBe("1234567.89");
    expect(plainNumber("3,5")).toBe("3.5");
    expect(plainNumber("12/08/2007")).toBeNull();
  });

  test("possessives and contractions leave the word", () => {
    expect(words("the pilot's")).toEqual(["the", "pilot"]);
    expect(words("don't")).toEqual(["dont"]);
  });

  test.each(["", " \n\t", "!!! ... ???", "-", "a-", "'", "\ud83d\ude00\ud83d\ude00", "\u00ad\u00ad"])(
    "rubbish has no words that matter: %j",
    (text) => {
      expect(() => analyze(text)).not.toThrow();
    },
  );
});

describe("terms", () => {
  const termsOf = (text: string, language?: string) =>
    analyze(text, language).words.flatMap(({ term }) => (term === null ? [] : [term]));

  test("inflected forms share a term, in English and in German", () => {
    expect(termsOf("inspections", "en")).toEqual(termsOf("inspected", "en"));
    expect(termsOf("Häuser", "de")).toEqual(termsOf("Haus", "de"));
    expect(termsOf("Prüfungen", "de")).toEqual(termsOf("Pruefung", "de"));
  });

  test("accents don't matter", () => {
    expect(stem("fr", "résumé")).toBe(stem("fr", "resume"));
    expect(termsOf("Besançon")).toEqual(termsOf("Besancon"));
    expect(termsOf("Straße", "de")).toEqual(termsOf("Strasse", "de"));
  });

  test("the language is told from the text", () => {
    expect(analyze("Der Antrag wird vor der Reise gestellt und ist zu begründen.").language).toBe("de");
    expect(analyze("The claim is to be made before the end of the trip.").language).toBe("en");
    expect(analyze("Registration: N5921D").language).toBe("en");
  });

  test("an abbreviation isn't mistaken for a stop word", () => {
    expect(termsOf("The IT department helps.")).toContain("IT");
    expect(termsOf("Ask whether it helps.")).not.toContain("it");
    expect(termsOf("WHAT IT IS")).toEqual([]);
  });
});

describe("queries", () => {
  const asked = (text: string) => analyzeQuery(text, ["en", "de"]).words.map((word) => word.text);

  test("stop words and the words around a question go, unless nothing else is asked", () => {
    expect(asked("Please tell me how the pilot was injured")).toEqual(["pilot", "injured"]);
    expect(asked("tell me")).toEqual(["tell"]);
    expect(asked("WHO")).toEqual(["who"]);
  });

  test("a word is looked up in every language of the documents", () => {
    const [word] = analyzeQuery("Rechnungen", ["en", "de"]).words;
    expect(word!.terms).toEqual(expect.arrayContaining([stem("en", "rechnungen"), stem("de", "rechnungen")]));
  });

  test("a word asked twice is one word that counts twice", () => {
    expect(analyzeQuery("wing wings", ["en"]).words).toMatchObject([{ text: "wing", weight: 2 }]);
  });
});
