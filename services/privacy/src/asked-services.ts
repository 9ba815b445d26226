import * as catalogue from "@atrium/events";

/**
 * Every service that answers for what it holds of people, as the catalogue of events has it: whoever may announce
 * `<service>.personal_data.exported` is asked. That it is every service of the product, a test of the product says.
 */
export const askedServices: readonly string[] = Object.values(catalogue)
  .flatMap((value) =>
    typeof value === "function" && "type" in value && typeof value.type === "string" ? value.type : [],
  )
  .flatMap((type) => /^([a-z]+)\.personal_data\.exported\.v1$/.exec(type)?.[1] ?? [])
  .sort();
