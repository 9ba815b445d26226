import { readFileSync } from "node:fs";
import path from "node:path";
import { checkSchema } from "@atrium/schema-kit";
import { checkSettingsExample, processSettings } from "@atrium/subgraph";
import { schema } from "./schema";
import { settingsSchema } from "./settings";

test("the committed schema is what the code says, with every part described", () => {
  expect(checkSchema(schema, { file: path.join(__dirname, "../schema.graphql") })).toEqual([]);
});

test("the settings' example lists every setting with its default", () => {
  const example = readFileSync(path.join(__dirname, "../.env.example"), "utf8");
  expect(checkSettingsExample(processSettings.extend(settingsSchema.shape), example)).toBeNull();
});
