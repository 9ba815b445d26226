import { GraphQLError, GraphQLScalarType, Kind, valueFromASTUntyped, type ValueNode } from "graphql";

const instant =
  /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/;
const calendarDay = /^(\d{4})-(\d{2})-(\d{2})$/;
// 30 digits in front and 15 behind are more than numeric columns of ours hold, and bound what is stored.
const decimal = /^-?(0|[1-9]\d{0,29})(\.\d{1,15})?$/;

const currencyCodes = new Set(Intl.supportedValuesOf("currency"));

/** A scalar that is a string on the wire; `read` gives undefined for a text of the wrong form. */
function textScalar<Internal>(o: {
  name: string;
  description: string;
  expected: string;
  read(text: string): Internal | undefined;
  write(value: Internal | string): string | undefined;
}) {
  const parse = (value: unknown): Internal => {
    const read = typeof value === "string" ? o.read(value) : undefined;
    if (read === undefined) throw new GraphQLError(`${o.name} must be ${o.expected}.`);
    return read;
  };
  return new GraphQLScalarType<Internal, string>({
    name: o.name,
    description: o.description,
    parseValue: parse,
    parseLiteral: (node) => parse(node.kind === Kind.STRING ? node.value : undefined),
    serialize(value) {
      const written = o.write(value as Internal | string);
      // The value itself stays out of the message: it may be anything.
      if (written === undefined) throw new TypeError(`A resolver returned a ${typeof value} that is no ${o.name}.`);
      return written;
    },
  });
}

const readInstant = (text: string) => {
  const date = instant.test(text) && isCalendarDay(text.slice(0, 10)) ? new Date(text) : undefined;
  return date && !Number.isNaN(date.getTime()) ? date : undefined;
};

export const DateTime = textScalar<Date>({
  name: "DateTime",
  description: "An instant in UTC, as RFC 3339 writes it: `2026-11-20T09:30:00.000Z`.",
  expected: "an RFC 3339 time with its offset, like 2026-11-20T09:30:00Z",
  read: readInstant,
  write: (value) => {
    const date = value instanceof Date ? value : typeof value === "string" ? readInstant(value) : undefined;
    return date && !Number.isNaN(date.getTime()) ? date.toISOString() : undefined;
  },
});

function isCalendarDay(text: string): boolean {
  const [, year, month, day] = calendarDay.exec(text)?.map(Number) ?? [];
  if (year === undefined || month === undefined || day === undefined) return false;
  const date = new Date(Date.UTC(year, month - 1, day));
  return year > 0 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

/** A `Date` in TypeScript is an instant, so a day of the calendar stays a string there too. */
export const CalendarDate = textScalar<string>({
  name: "Date",
  description: "A day of the calendar without a time of day: `2026-11-20`.",
  expected: "a day like 2026-11-20",
  read: (text) => (isCalendarDay(text) ? text : undefined),
  write: (value) => (typeof value === "string" && isCalendarDay(value) ? value : undefined),
});

export const Decimal = textScalar<string>({
  name: "Decimal",
  description: "An exact decimal number, as a string so that nothing rounds it: `1049.90`.",
  expected: 'a decimal number in a string, like "1049.90"',
  read: (text) => (decimal.test(text) ? text : undefined),
  write: (value) => (typeof value === "string" && decimal.test(value) ? value : undefined),
});

export const CurrencyCode = textScalar<string>({
  name: "CurrencyCode",
  description: "A currency by its ISO 4217 code: `EUR`.",
  expected: "an ISO 4217 currency code, like EUR",
  read: (text) => (currencyCodes.has(text) ? text : undefined),
  write: (value) => (typeof value === "string" && currencyCodes.has(value) ? value : undefined),
});

/** Any JSON value. Read it with a schema of your own before use; its depth and size are the sender's choice. */
export const JSONValue = new GraphQLScalarType<unknown, unknown>({
  name: "JSON",
  description: "Any JSON value, where the form isn't ours to say.",
  parseValue: (value) => value,
  parseLiteral: (node: ValueNode, variables) => valueFromASTUntyped(node, variables),
});
