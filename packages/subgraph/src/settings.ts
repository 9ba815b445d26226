import { z } from "zod";

type Shape = Record<string, z.ZodType>;

/** What is wrong with the settings, all of it at once. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";

  constructor(readonly faults: readonly string[]) {
    super(`The settings are not usable:\n${faults.map((fault) => `  - ${fault}`).join("\n")}`);
  }
}

/**
 * Reads a service's settings from the environment; an empty value counts as none. Throws `SettingsError` that names
 * every fault, and never a value: it may be a secret.
 */
export function parseSettings<Settings extends Shape>(
  schema: z.ZodObject<Settings>,
  env: NodeJS.ProcessEnv,
): z.output<z.ZodObject<Settings>> {
  const given = Object.fromEntries(Object.keys(schema.shape).map((name) => [name, env[name] || undefined]));
  const parsed = schema.safeParse(given, { reportInput: false });
  if (parsed.success) return parsed.data;
  throw new SettingsError(
    parsed.error.issues.map((issue) => {
      const name = String(issue.path[0] ?? "settings");
      return given[name] === undefined && issue.path.length > 0
        ? `${name} is missing: ${describe(schema.shape[name]).description ?? "it has no default"}`
        : `${name}: ${issue.message}`;
    }),
  );
}

/** The `.env.example` of a settings schema: each setting with its description and default. */
export function settingsExample(schema: z.ZodObject<Shape>): string {
  const entries = Object.entries(schema.shape).map(([name, setting]) => {
    const { description, optional, value } = describe(setting);
    const comment = description ? `# ${description}\n` : "";
    if (value !== undefined) return `${comment}# ${name}=${value}\n`;
    return optional ? `${comment}# Optional.\n# ${name}=\n` : `${comment}# Required.\n${name}=\n`;
  });
  return entries.join("\n");
}

/** What is wrong with a committed `.env.example`; null when it says what the schema says. */
export function checkSettingsExample(schema: z.ZodObject<Shape>, text: string): string | null {
  for (const [name, setting] of Object.entries(schema.shape))
    if (!describe(setting).description) return `${name} has no description.`;
  return text === settingsExample(schema)
    ? null
    : "The .env.example is not what the settings schema says; write it again.";
}

interface Setting {
  description?: string;
  optional: boolean;
  value?: string;
}

// Descriptions, defaults and optionality may sit on any layer: `z.string().default("x").describe("…")`.
function describe(setting: z.ZodType | undefined): Setting {
  const found: Setting = { optional: false };
  let layer: z.core.$ZodType | undefined = setting;
  while (layer) {
    found.description ??= z.globalRegistry.get(layer)?.description;
    const { def } = layer._zod as {
      def: z.core.$ZodTypeDef & { innerType?: z.core.$ZodType; in?: z.core.$ZodType; defaultValue?: unknown };
    };
    if (def.type === "optional" || def.type === "nullable") found.optional = true;
    if (def.type === "default" || def.type === "prefault") found.value ??= textOf(def.defaultValue);
    layer = def.innerType ?? (def.type === "pipe" ? def.in : undefined);
  }
  return found;
}

const textOf = (value: unknown): string => (Array.isArray(value) ? value.join(",") : String(value));
