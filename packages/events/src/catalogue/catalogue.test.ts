import { z } from "zod";
import * as catalogue from ".";
import * as activity from "./activity";
import * as chat from "./chat";
import * as identity from "./identity";
import * as knowledge from "./knowledge";
import * as privacy from "./privacy";
import * as tenancy from "./tenancy";

const definitions = Object.values(catalogue);

test("each event is declared by the service that owns it, and once", () => {
  for (const [service, own] of Object.entries({ activity, chat, identity, knowledge, privacy, tenancy }))
    for (const { type } of Object.values(own)) expect(type.split(".")[0]).toBe(service);
  const types = definitions.map(({ type }) => type);
  expect(new Set(types).size).toBe(types.length);
});

test.each(definitions.map((definition) => [definition.type, definition] as const))(
  "%s can be written as JSON",
  (_, definition) => {
    expect(() => z.toJSONSchema(definition.schema as z.ZodType)).not.toThrow();
  },
);

test("no event names a person, an address or a text that somebody wrote", () => {
  const personal = /name|email|phone|address|text|title|password|secret|token$/i;
  const fields = definitions.flatMap(({ type, schema }) =>
    Object.keys(schema.shape).map((field) => `${type} ${field}`),
  );
  expect(fields.filter((field) => personal.test(field.split(" ")[1]!))).toEqual([]);
});
