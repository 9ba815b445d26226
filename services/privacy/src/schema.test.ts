import { readFileSync } from "node:fs";
import path from "node:path";
import { checkSchema } from "@atrium/schema-kit";
import { checkSettingsExample, processSettings } from "@atrium/subgraph";
import { schema } from "./schema";
import { settingsSchema } from "./settings";

const beside = (file: string) => path.join(__dirname, "..", file);

test("the committed schema is what the code says, described and compatible", () => {
  expect(checkSchema(schema, { file: beside("schema.graphql") })).toEqual([]);
});

test("every setting is in .env.example", () => {
  const example = readFileSync(beside(".env.example"), "utf8");
  expect(checkSettingsExample(processSettings.extend(settingsSchema.shape), example)).toBeNull();
});
