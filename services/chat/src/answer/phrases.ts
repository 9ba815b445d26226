/** What a bot says of its own accord, in the languages it has words for. */
const phrases = {
  en: {
    refusal: "The documents don't say.",
    greeting: (name: string) => `Hello! I am ${name}. What would you like to know?`,
    welcome: "You're welcome.",
    goodbye: "Goodbye!",
    fine: "I'm well, thank you. What would you like to know?",
    self: (name: string) =>
      `I am ${name}, an assistant. I answer from the documents that I was given, and say where each answer stands.`,
    understood: "All right.",
    help:
      "Ask me a question, and I answer from the documents that I was given, with the place where it stands. " +
      "I also calculate: try 15% of 80. /reset lets us begin anew.",
    reset: "We begin anew: I no longer refer to what was said before.",
    person:
      "I can't connect you with a person in this conversation. I can answer from the documents that I was given; " +
      "for everything else, please write to the people who run this assistant.",
    unknownCommand: (command: string) => `I don't know the command ${command}. I know /help and /reset.`,
    divisionByZero: "Nothing can be divided by zero.",
    tooLarge: "That number is too large for me.",
  },
  de: {
    refusal: "Das steht nicht in den Dokumenten.",
    greeting: (name: string) => `Hallo! Ich bin ${name}. Was möchten Sie wissen?`,
    welcome: "Gern geschehen.",
    goodbye: "Auf Wiedersehen!",
    fine: "Danke, gut. Was möchten Sie wissen?",
    self: (name: string) =>
      `Ich bin ${name}, ein Assistent. Ich antworte aus den Dokumenten, die ich habe, und sage, wo jede Antwort steht.`,
    understood: "In Ordnung.",
    help:
      "Stellen Sie mir eine Frage: Ich antworte aus den Dokumenten, die ich habe, und nenne die Stelle. " +
      "Rechnen kann ich auch, zum Beispiel 15 % von 80. Mit /reset beginnen wir von vorn.",
    reset: "Wir beginnen von vorn: Ich beziehe mich nicht mehr auf das, was vorher gesagt wurde.",
    person:
      "In diesem Gespräch kann ich Sie mit keinem Menschen verbinden. Ich antworte aus den Dokumenten, die ich habe; " +
      "mit allem anderen wenden Sie sich bitte an die Betreiber dieses Assistenten.",
    unknownCommand: (command: string) => `Den Befehl ${command} kenne ich nicht. Ich kenne /help und /reset.`,
    divisionByZero: "Durch null lässt sich nicht teilen.",
    tooLarge: "Diese Zahl ist mir zu groß.",
  },
};

export type SpokenLanguage = keyof typeof phrases;

/** The language with words that comes closest to a BCP 47 tag. */
export const spokenLanguage = (tag: string): SpokenLanguage => (tag.toLowerCase().split("-")[0] === "de" ? "de" : "en");

export const phrasesIn = (language: SpokenLanguage) => phrases[language];
