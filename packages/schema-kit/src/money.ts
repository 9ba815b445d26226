import { PublicError } from "@atrium/errors";
import { Directive, Field, InputType, ObjectType } from "./decorators";
import { CurrencyCode, Decimal } from "./scalars";

@ObjectType("Money", { description: "An amount in one currency." })
@Directive("@shareable")
export class Money {
  @Field(() => Decimal, { description: "The amount in the currency's main unit, with its usual decimal places." })
  amount!: string;

  @Field(() => CurrencyCode, { description: "The currency of the amount." })
  currencyCode!: string;
}

@InputType("MoneyInput", { description: "An amount in one currency." })
export class MoneyInput {
  @Field(() => Decimal, { description: "The amount in the currency's main unit." })
  amount!: string;

  @Field(() => CurrencyCode, { description: "The currency of the amount." })
  currencyCode!: string;
}

/** From how it is stored, whole minor units (cents), to how it is shown. */
export function toMoney(minorUnits: bigint | number, currencyCode: string): Money {
  const places = decimalPlaces(currencyCode);
  const digits = BigInt(minorUnits)
    .toString()
    .replace("-", "")
    .padStart(places + 1, "0");
  const sign = minorUnits < 0 ? "-" : "";
  const whole = digits.slice(0, digits.length - places);
  return { amount: places === 0 ? sign + whole : `${sign}${whole}.${digits.slice(-places)}`, currencyCode };
}

/** From an input to whole minor units. More decimal places than the currency has are refused, never rounded. */
export function toMinorUnits({ amount, currencyCode }: MoneyInput, field: string): bigint {
  const places = decimalPlaces(currencyCode);
  const [whole = "", fraction = ""] = amount.split(".");
  if (/[1-9]/.test(fraction.slice(places)))
    throw new PublicError("BAD_USER_INPUT", `${currencyCode} has ${places} decimal places; ${amount} has more.`, {
      field: `${field}.amount`,
    });
  return BigInt(whole + fraction.slice(0, places).padEnd(places, "0"));
}

const decimalPlaces = (currency: string): number =>
  new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 2;
