export {
  Arg,
  Args,
  ArgsType,
  Cost,
  createUnionType,
  Ctx,
  Directive,
  Enum,
  Field,
  FieldResolver,
  Float,
  ID,
  Info,
  InputType,
  Int,
  InterfaceType,
  Mutation,
  ObjectType,
  Query,
  Requires,
  Resolver,
  Root,
  Sliced,
  Subscription,
  Tag,
} from "./decorators";
export { CalendarDate, CurrencyCode, DateTime, Decimal, JSONValue } from "./scalars";
export { Money, MoneyInput, toMinorUnits, toMoney } from "./money";
export {
  Connection,
  orderBy,
  PageArguments,
  PageInfo,
  pageSizeDefault,
  pageSizeMax,
  paginate,
  type Edge,
  type Order,
  type Page,
} from "./connection";
export { Payload, toPayload, type PayloadClass, type UserError } from "./payload";
export { EntityStub, groupedInOrderOf, inOrderOf } from "./entity";
export { badInput, optionalText, requireId, requireIds, requireInteger, requireText } from "./input";
export { buildSubgraphSchema, type EntityLoader, type SubgraphSchema } from "./build";
export { lintDescriptions } from "./lint";
export { breakingChanges } from "./compatibility";
export { checkSchema, emitSchema } from "./emit";
