import type { PlanNode, QueryPlan } from "@apollo/query-planner";
import {
  executeSync,
  Kind,
  visit,
  type DirectiveNode,
  type ExecutionResult,
  type FieldNode,
  type GraphQLCompositeType,
  type GraphQLSchema,
  type SelectionNode,
  type SelectionSetNode,
} from "graphql";
import type { ClientRequest } from "../client-request";
import type { DeferredPart } from "../graph/deferred-operation";
import type { Operation } from "../graph/operation";
import { compileFetch, type CompiledFetch } from "./fetch";
import type { Complete } from "./leaf";
import { compileNode, deferLabelsIn, fetchIdsIn, knownOf, type Compilation, type OfPlan, type Step } from "./plan";
import type { IsOfType } from "./rewrites";
import { compileShape } from "./shape";

// As many as six switches have values; an operation with more compiles some of them again.
const shapesMax = 64;
const none: ReadonlySet<SelectionNode> = new Set();

/** An operation with all that was compiled for it. What isn't needed by every request is compiled when it is. */
export class PreparedOperation<Request extends ClientRequest> {
  readonly #compilation: Compilation;
  readonly #shapes = new Map<string, Complete>();
  readonly #switches: string[];
  readonly #introspected = new Map<string, unknown>();
  readonly #steps = new Map<PlanNode, Step<Request>>();
  readonly #parts = new Map<SelectionNode, Map<string, Complete>>();
  readonly #deferred: ReadonlySet<SelectionNode>;
  readonly schema: GraphQLSchema;
  #primary: CompiledFetch<Request> | undefined;
  #fetchIds: ReadonlySet<string> | undefined;
  #undeferred: readonly string[] | undefined;

  constructor(
    readonly operation: Operation,
    readonly plan: QueryPlan,
    o: { schema: GraphQLSchema; compilation: Omit<Compilation, OfPlan> },
  ) {
    this.schema = o.schema;
    const { node } = plan;
    // What a mutation has changed reads otherwise afterwards.
    const known = knownOf(node);
    if (operation.type === "mutation") known.askedAgain = new Set();
    this.#compilation = { ...o.compilation, ...known };
    this.#switches = switchesOf(operation);
    this.#deferred = new Set([...(operation.deferred?.values() ?? [])].map(({ fragment }) => fragment));
  }

  get isOfType(): IsOfType {
    return this.#compilation.isOfType;
  }

  /** Those of the plan's fetches that deferred parts may wait for. */
  get fetchIds(): ReadonlySet<string> {
    return (this.#fetchIds ??= new Set(fetchIdsIn(this.plan.node)));
  }

  /** The labels that no part of the plan has, an outer one before those within it. */
  get undeferred(): readonly string[] {
    if (!this.#undeferred) {
      const planned = deferLabelsIn(this.plan.node);
      this.#undeferred = [...(this.operation.deferred?.keys() ?? [])].filter((label) => !planned.has(label));
    }
    return this.#undeferred;
  }

  get isMutation(): boolean {
    return this.operation.type === "mutation";
  }

  stepOf(node: PlanNode | undefined): Step<Request> {
    if (!node) return () => {};
    let step = this.#steps.get(node);
    if (!step) this.#steps.set(node, (step = compileNode<Request>(node, this.#compilation)));
    return step;
  }

  /** The fetch that a subscription begins with. */
  get primary(): CompiledFetch<Request> {
    const { node } = this.plan;
    if (node?.kind !== "Subscription") throw new Error("Only a subscription has a primary fetch.");
    return (this.#primary ??= compileFetch<Request>(node.primary, this.#compilation));
  }

  /** What the client gets of the whole, but for deferred fragments where `deferring`. */
  shapeFor(variables: Readonly<Record<string, unknown>>, deferring: boolean): Complete {
    let key = deferring ? "d" : "";
    for (const name of this.#switches) key += variables[name] ? "1" : "0";
    const known = this.#shapes.get(key);
    if (known) return known;
    const { definition } = this.operation.answered ?? this.operation;
    const leftOut = deferring ? this.#deferred : none;
    const root = this.schema.getRootType(definition.operation)!;
    const shape = this.#compile(variables, root, definition.selectionSet, (selection) => leftOut.has(selection));
    if (this.#shapes.size >= shapesMax) this.#shapes.delete(this.#shapes.keys().next().value!);
    this.#shapes.set(key, shape);
    return shape;
  }

  /** What the client gets of a deferred fragment, about objects of `type`; what is deferred within it comes later still. */
  shapeOfPart(
    { fragment }: DeferredPart,
    type: GraphQLCompositeType,
    variables: Readonly<Record<string, unknown>>,
  ): Complete {
    const key = `${type.name} ${this.#switches.map((name) => (variables[name] ? 1 : 0)).join("")}`;
    let ofPart = this.#parts.get(fragment);
    if (!ofPart) this.#parts.set(fragment, (ofPart = new Map()));
    const known = ofPart.get(key);
    if (known) return known;
    const selections: SelectionSetNode = { kind: Kind.SELECTION_SET, selections: [fragment] };
    const shape = this.#compile(variables, type, selections, (each) => each !== fragment && this.#deferred.has(each));
    if (ofPart.size >= shapesMax) ofPart.delete(ofPart.keys().next().value!);
    ofPart.set(key, shape);
    return shape;
  }

  #compile(
    variables: Readonly<Record<string, unknown>>,
    type: GraphQLCompositeType,
    selections: SelectionSetNode,
    isLeftOut: (selection: SelectionNode) => boolean,
  ): Complete {
    const { answered, document } = this.operation;
    const names = answered?.names;
    return compileShape(
      {
        schema: this.schema,
        document: answered?.document ?? document,
        variables,
        denied: answered?.denied,
        keyRead: names?.planned,
        isLeftOut,
      },
      type,
      [selections],
    );
  }

  /** The answer to `__schema` or `__type` under a response key of the root. */
  introspect(responseKey: string, variables: Readonly<Record<string, unknown>>): unknown {
    const key = `${responseKey} ${JSON.stringify(variables)}`;
    if (this.#introspected.has(key)) return this.#introspected.get(key);
    const { data } = this.#runIntrospection(responseKey, variables);
    const value = data?.[responseKey] ?? null;
    if (this.#introspected.size < shapesMax) this.#introspected.set(key, value);
    return value;
  }

  #runIntrospection(responseKey: string, variables: Readonly<Record<string, unknown>>): ExecutionResult {
    const { definition, document } = this.operation.answered ?? this.operation;
    const selections = introspectionFields({ definition, document }, responseKey);
    const alone = { ...definition, selectionSet: { kind: Kind.SELECTION_SET, selections } as SelectionSetNode };
    const definitions = document.definitions.map((each) => (each === definition ? alone : each));
    return executeSync({
      schema: this.operation.readable ?? this.schema,
      document: { kind: Kind.DOCUMENT, definitions },
      variableValues: variables,
    });
  }
}

function introspectionFields(
  { definition, document }: Pick<Operation, "definition" | "document">,
  responseKey: string,
): FieldNode[] {
  const fields: FieldNode[] = [];
  const collect = ({ selections }: SelectionSetNode): void => {
    for (const selection of selections)
      if (selection.kind === Kind.FIELD) {
        const isIntrospection = selection.name.value === "__schema" || selection.name.value === "__type";
        if (isIntrospection && (selection.alias ?? selection.name).value === responseKey) fields.push(selection);
      } else if (selection.kind === Kind.INLINE_FRAGMENT) collect(selection.selectionSet);
      else
        for (const each of document.definitions)
          if (each.kind === Kind.FRAGMENT_DEFINITION && each.name.value === selection.name.value)
            collect(each.selectionSet);
  };
  collect(definition.selectionSet);
  return fields;
}

/** The variables that decide what is selected: of `@skip`, `@include` and `@defer`. */
function switchesOf(operation: Operation): string[] {
  const { document } = operation.answered ?? operation;
  const names = new Set<string>();
  visit(document, {
    Directive({ name, arguments: args }: DirectiveNode) {
      if (!["skip", "include", "defer"].includes(name.value)) return;
      for (const { value, name: argument } of args ?? [])
        if (argument.value === "if" && value.kind === Kind.VARIABLE) names.add(value.name.value);
    },
  });
  return [...names].sort();
}
