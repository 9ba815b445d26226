import {
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isSpecifiedScalarType,
  type GraphQLSchema,
} from "graphql";
import { stubExtension } from "./entity";

/**
 * Everything of a schema that has no description, by its coordinate: `Type`, `Type.field`, `Type.field(argument:)`,
 * `Input.field`, `Enum.VALUE`. What the federation adds is left out, and so are stubs: their owner describes them.
 */
export function lintDescriptions(schema: GraphQLSchema): string[] {
  const bare: string[] = [];
  const check = (coordinate: string, { description }: { description?: string | null }) => {
    if (!description?.trim()) bare.push(coordinate);
  };
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];

  for (const type of Object.values(schema.getTypeMap())) {
    if (isIntrospectionType(type) || isSpecifiedScalarType(type) || isOfFederation(type.name)) continue;
    const stub = Boolean(type.extensions[stubExtension]);
    if (!stub && !roots.includes(type as never)) check(type.name, type);

    if (isObjectType(type) || isInterfaceType(type)) {
      for (const field of Object.values(type.getFields())) {
        if (isOfFederation(field.name) || (stub && field.name === "id")) continue;
        check(`${type.name}.${field.name}`, field);
        for (const argument of field.args) check(`${type.name}.${field.name}(${argument.name}:)`, argument);
      }
    } else if (isInputObjectType(type)) {
      for (const field of Object.values(type.getFields())) check(`${type.name}.${field.name}`, field);
    } else if (isEnumType(type)) {
      for (const value of type.getValues()) check(`${type.name}.${value.name}`, value);
    }
  }
  return bare;
}

const isOfFederation = (name: string) => name.startsWith("_") || /^(federation|link|core)__/.test(name);
