import type { DocumentNode, FieldNode, GraphQLSchema, OperationDefinitionNode, OperationTypeNode } from "graphql";
import type { DeferredParts } from "./deferred-operation";
import type { PlannedNames } from "./planned-operation";

/** One operation of a valid document. Everyone who sends the same text shares it, and all that was made of it. */
export interface Operation {
  /** Names it within its graph: the hash of the text and the operation's name, and of what was removed from it. */
  readonly key: string;
  /** This operation and the fragments that it uses, nothing else. */
  readonly document: DocumentNode;
  readonly definition: OperationDefinitionNode;
  readonly name: string | undefined;
  readonly type: OperationTypeNode;
  /**
   * What the client asked for, where something of it was removed before planning: the answer has its shape, with null and
   * an error at each place of a field that was denied.
   */
  readonly answered?: {
    readonly document: DocumentNode;
    readonly definition: OperationDefinitionNode;
    readonly denied?: Denied;
    /** Where keys of the answer differ from those that the plan gets values under. */
    readonly names?: PlannedNames;
  };
  /** What of the answer comes later. */
  readonly deferred?: DeferredParts;
  /** What of the schema `__schema` and `__type` tell, where that isn't all of it. */
  readonly readable?: GraphQLSchema;
}

/** What a caller may not see of an operation. */
export interface Denied {
  /** By field, the types of object of which it was denied, and interfaces that one of them has. */
  readonly fields: ReadonlyMap<FieldNode, ReadonlySet<string>>;
  /** Types of which no object may be seen, and interfaces that one of them has. */
  readonly types: ReadonlySet<string>;
}
