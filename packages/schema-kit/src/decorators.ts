// type-graphql reads Reflect.getMetadata while decorating, so this comes before any decorator runs.
import "reflect-metadata";
import * as typeGraphql from "type-graphql";
import type { ArgOptions, FieldOptions, InputTypeOptions, ObjectTypeOptions, SubscriptionOptions } from "type-graphql";

export { Args, ArgsType, Ctx, Directive, FieldResolver, InterfaceType, Resolver, Root } from "type-graphql";
export { createUnionType, Extensions, Info } from "type-graphql";
export { GraphQLFloat as Float, GraphQLID as ID, GraphQLInt as Int } from "graphql";

// The decorators of type-graphql with two differences: the name, the type function and the description can't be left
// out, and an object type's plain fields are read by graphql-js itself (one promise less for each field of each row).

type TypeFunction = typeGraphql.ClassType | object | symbol;
type ReturnType = () => TypeFunction | TypeFunction[];
interface Described {
  description: string;
}

export const ObjectType = (name: string, options: ObjectTypeOptions & Described): ClassDecorator =>
  typeGraphql.ObjectType(name, { simpleResolvers: true, ...options });

export const InputType = (name: string, options: InputTypeOptions & Described): ClassDecorator =>
  typeGraphql.InputType(name, options);

export const Field = (type: ReturnType, options: FieldOptions & Described): PropertyDecorator & MethodDecorator =>
  typeGraphql.Field(type, options);

/** An argument. A mutation's `input` needs no description of its own: its type has one. */
export function Arg(name: "input", type: ReturnType, options?: ArgOptions): ParameterDecorator;
export function Arg(name: string, type: ReturnType, options: ArgOptions & Described): ParameterDecorator;
export function Arg(name: string, type: ReturnType, options: ArgOptions = {}): ParameterDecorator {
  return typeGraphql.Arg(name, type, {
    description: "What the mutation needs to know.",
    ...options,
  }) as ParameterDecorator;
}

type RootOptions = typeGraphql.FieldOptions & Described;

export const Query = (type: ReturnType, options: RootOptions): MethodDecorator => typeGraphql.Query(type, options);

/** A mutation: its result is nullable, so that one thrown error doesn't erase the results beside it. */
export const Mutation = (type: ReturnType, options: RootOptions): MethodDecorator =>
  typeGraphql.Mutation(type, { nullable: true, ...options });

export const Subscription = (type: ReturnType, options: SubscriptionOptions & Described): MethodDecorator =>
  typeGraphql.Subscription(type, options);

/**
 * A field that needs a permission (`resource:action`): the gateway asks the service for it only on behalf of callers who
 * hold it. The service's own check stays, since a field's directive doesn't know whose the object is.
 */
export const Requires = (permission: `${string}:${string}`): PropertyDecorator & MethodDecorator =>
  typeGraphql.Directive(`@requiresScopes(scopes: [[${JSON.stringify(permission)}]])`) as PropertyDecorator &
    MethodDecorator;

/**
 * What asking for a field costs, where that is more than an ordinary object's 1: a search, a model's answer. The gateway
 * adds it up with what is selected below (`COST_MAX`, `COST_PER_MINUTE_MAX`).
 */
export const Cost = (weight: number): PropertyDecorator & MethodDecorator =>
  typeGraphql.Directive(`@cost(weight: ${weight})`) as PropertyDecorator & MethodDecorator;

/** A field whose `first` says how many items these of its object's own fields have. Connections say so by themselves. */
export const Sliced = (...fields: string[]): PropertyDecorator & MethodDecorator =>
  typeGraphql.Directive(listSizeOf(fields)) as PropertyDecorator & MethodDecorator;

// `first` always has a value: it has a default. Other gateways don't all count a default as given.
export const listSizeOf = (fields: readonly string[]): string =>
  `@listSize(slicingArguments: ["first"], sizedFields: ${JSON.stringify(fields)}, requireOneSlicingArgument: false)`;

/** A mark by which contracts (`CONTRACTS`) keep a part of the graph out of a schema, or let nothing else into it. */
export const Tag = (name: string): PropertyDecorator & MethodDecorator =>
  typeGraphql.Directive(`@tag(name: ${JSON.stringify(name)})`) as PropertyDecorator & MethodDecorator;

interface EnumValue extends Described {
  deprecationReason?: string;
}

/**
 * An enum from one table of its values and what they mean. The constant serves as the GraphQL type; name the type of
 * its values beside it: `export type Status = keyof typeof Status`.
 */
export function Enum<const Value extends string>(
  name: string,
  description: string,
  values: Readonly<Record<Value, string | EnumValue>>,
): { readonly [Name in Value]: Name } {
  const names = Object.keys(values) as Value[];
  const enumeration = Object.fromEntries(names.map((value) => [value, value])) as { readonly [Name in Value]: Name };
  const valuesConfig = Object.fromEntries(
    Object.entries<string | EnumValue>(values).map(([value, meaning]) => [
      value,
      typeof meaning === "string" ? { description: meaning } : meaning,
    ]),
  ) as Record<Value, EnumValue>;
  typeGraphql.registerEnumType(enumeration, { name, description, valuesConfig });
  return enumeration;
}
