import { readFileSync } from "node:fs";
import { parse as parseYaml, parseDocument } from "yaml";
import type { z } from "zod";

export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

const variable = /\$\{(?:env\.)?([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g;

/**
 * Reads a file in YAML or JSON, with `${NAME}` and `${NAME:-otherwise}` replaced from the environment. Throws
 * `ConfigError`, naming every fault at once.
 */
export function readConfigFile<Schema extends z.ZodType>(
  file: string,
  schema: Schema,
  env: NodeJS.ProcessEnv = process.env,
): z.output<Schema> {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new ConfigError(`The configuration can't be read: ${(error as Error).message}`);
  }
  // JSON is YAML as well.
  const document = parseDocument(text);
  if (document.errors.length > 0)
    throw new ConfigError(`${file} is neither YAML nor JSON: ${document.errors[0]!.message}`);

  const faults: string[] = [];
  const replaced = new Set<string>();
  const substitute = (value: unknown, path: readonly PropertyKey[]): unknown => {
    if (typeof value === "string")
      return value.replace(variable, (_, name: string, otherwise?: string) => {
        const given = env[name] ?? otherwise;
        if (given === undefined) faults.push(`${nameOf(path)}: the environment has no ${name}`);
        replaced.add(nameOf(path));
        return given ?? "";
      });
    if (Array.isArray(value)) return value.map((item, index) => substitute(item, [...path, index]));
    if (typeof value === "object" && value !== null)
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, substitute(inner, [...path, key])]));
    return value;
  };
  const given = substitute(document.toJS() ?? {}, []);
  let parsed = schema.safeParse(given);
  // The environment has texts alone: where a number or a truth value is expected, it is read as one.
  const scalars = (parsed.error?.issues ?? []).filter(
    (issue) => issue.code === "invalid_type" && issue.expected !== "string" && replaced.has(nameOf(issue.path)),
  );
  if (scalars.length > 0) {
    for (const { path } of scalars) readScalar(given, path);
    parsed = schema.safeParse(given);
  }
  if (!parsed.success)
    faults.push(...parsed.error.issues.map(({ path, message }) => `${nameOf(path) || "the file"}: ${message}`));
  if (faults.length > 0 || !parsed.success)
    throw new ConfigError(
      `${file} has ${faults.length === 1 ? "a fault" : `${faults.length} faults`}:\n${faults.map((each) => `  ${each}`).join("\n")}`,
    );
  return parsed.data;
}

const nameOf = (path: readonly PropertyKey[]): string => path.map(String).join(".");

function readScalar(root: unknown, path: readonly PropertyKey[]): void {
  const key = path.at(-1)!;
  const holder = path.slice(0, -1).reduce((value, each) => (value as Record<PropertyKey, unknown>)[each], root);
  const values = holder as Record<PropertyKey, unknown>;
  values[key] = parseYaml(String(values[key]));
}
