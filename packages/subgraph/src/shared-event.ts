import type { Actor } from "@atrium/access";
import type { DocumentNode, ExecutionResult } from "graphql";

/**
 * An event that reads the same for everybody who may hear it: what an operation selects of it is put together once, and
 * shared by all subscribers with that operation. Its resolvers may not look at the actor; `permit` does, for each
 * subscriber, and throws where this one may not hear it.
 */
export class SharedEvent<Value = unknown> {
  readonly #results = new Map<DocumentNode, Map<string, Promise<ExecutionResult>>>();

  constructor(
    readonly value: Value,
    readonly permit: (actor: Actor) => void,
  ) {}

  /** @internal */
  resultOf(document: DocumentNode, variables: string, make: () => Promise<ExecutionResult>): Promise<ExecutionResult> {
    let ofDocument = this.#results.get(document);
    if (!ofDocument) this.#results.set(document, (ofDocument = new Map()));
    let result = ofDocument.get(variables);
    if (!result) ofDocument.set(variables, (result = make()));
    return result;
  }
}
