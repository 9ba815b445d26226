import { z } from "zod";
import { checkSettingsExample, parseSettings, processSettings, SettingsError, settingsExample } from ".";

const schema = z.object({
  DATABASE_URL: z.url().describe("Where the database is."),
  API_KEY: z.string().min(16).describe("The key."),
  PORT: z.coerce.number().int().max(65_535).default(4001).describe("The port."),
  COLOUR: z.enum(["red", "blue"]).describe("The colour.").default("blue"),
  NAMES: z
    .string()
    .prefault("a,b")
    .transform((text) => text.split(","))
    .describe("The names."),
  NOTE: z.string().optional().describe("A note."),
});

function faultsOf(env: NodeJS.ProcessEnv): readonly string[] {
  try {
    parseSettings(schema, env);
  } catch (error) {
    if (error instanceof SettingsError) return error.faults;
    throw error;
  }
  return [];
}

test("what is set is read, the rest has its default; an empty value counts as none", () => {
  expect(
    parseSettings(schema, { DATABASE_URL: "postgres://x/y", API_KEY: "k".repeat(16), PORT: "", NOTE: "" }),
  ).toEqual({
    DATABASE_URL: "postgres://x/y",
    API_KEY: "k".repeat(16),
    PORT: 4001,
    COLOUR: "blue",
    NAMES: ["a", "b"],
    NOTE: undefined,
  });
});

test("every fault is named at once, what is missing is explained, and no value is told", () => {
  const faults = faultsOf({ API_KEY: "hunter2", PORT: "99999", COLOUR: "sesame" });
  expect(faults.map((fault) => fault.split(/[: ]/)[0])).toEqual(["DATABASE_URL", "API_KEY", "PORT", "COLOUR"]);
  expect(faults[0]).toBe("DATABASE_URL is missing: Where the database is.");
  expect(faults.join()).not.toMatch(/hunter2|99999|sesame/);
});

test("the example lists each setting with its description and default, and is checked", () => {
  const example = settingsExample(schema);
  expect(example).toBe(`# Where the database is.
# Required.
DATABASE_URL=

# The key.
# Required.
API_KEY=

# The port.
# PORT=4001

# The colour.
# COLOUR=blue

# The names.
# NAMES=a,b

# A note.
# Optional.
# NOTE=
`);
  expect(checkSettingsExample(schema, example)).toBeNull();
  expect(checkSettingsExample(schema, example.replace("4001", "4002"))).toMatch(/is not what the settings schema says/);
  expect(checkSettingsExample(schema.extend({ BARE: z.string() }), example)).toBe("BARE has no description.");
});

test("every setting of a process has a description", () => {
  expect(checkSettingsExample(processSettings, settingsExample(processSettings))).toBeNull();
});
