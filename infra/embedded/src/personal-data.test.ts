import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import * as catalogue from "@atrium/events";
import type { Held } from "@atrium/personal-data";
import { root } from "./settings";
import { services } from "./services";

const folder = path.join(root, "services");

/** Folders of a service's source that aren't nouns. */
const others = ["clients", "generated", "testing"];

const nounsOf = (service: string) =>
  readdirSync(path.join(folder, service, "src"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !others.includes(entry.name))
    .map(({ name }) => name)
    .sort();

test("every service of the product is asked for what it holds of people", () => {
  const announced = (suffix: string) =>
    Object.values(catalogue)
      .flatMap((value) => (typeof value === "function" && "type" in value ? String(value.type) : []))
      .filter((type) => type.endsWith(suffix))
      .map((type) => type.split(".")[0])
      .sort();
  const names = Object.keys(services).sort();
  expect(announced(".personal_data.exported.v1")).toEqual(names);
  expect(announced(".personal_data.erased.v1")).toEqual(names);
  expect(readdirSync(folder).filter((name) => existsSync(path.join(folder, name, "src/main.ts")))).toEqual(names);
});

test.each(Object.keys(services))(
  "every noun of %s says what it holds of people, or that it is nothing",
  async (name) => {
    const { held } = (await import(path.join(folder, name, "src/personal-data"))) as { held: Held };
    expect(Object.keys(held).sort()).toEqual(nounsOf(name));
    for (const data of Object.values(held)) {
      const said = "holdsNothing" in data ? data.holdsNothing : data.holds;
      expect(said.length).toBeGreaterThan(10);
    }
  },
);
