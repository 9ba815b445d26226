import type { ExecutionResult } from "graphql";
import type { Logger } from "pino";
import type { OperationRequest } from "./operation";

/** What differs between the shapes of the product. Built once, by the embedded main or by `runAlone`. */
export interface Platform {
  shape: "embedded" | "distributed";
  /** The installation's secret, from which keys are derived. */
  secret: string;
  env: NodeJS.ProcessEnv;
  log: Logger;
  /** Where clients reach the gateway, without a slash at the end. */
  publicUrl: string;
  database(service: string): Promise<{ ownerUrl: string; appUrl: string }>;
  transport: EventTransport;
  topics: Topics;
  blobs: BlobStore;
  ephemeral: EphemeralStore;
  /** Asks another service's subgraph: in this process when embedded, by signed HTTP when distributed. */
  call(service: string, request: OperationRequest): Promise<ExecutionResult>;
  /** Asks one of another service's internal operations, as the service `from`. */
  callInternal(service: string, name: string, input: unknown, from: string): Promise<unknown>;
}

/** @see @atrium/events */
export interface EventTransport {
  publish(envelopes: readonly never[]): Promise<void>;
  subscribe(o: {
    group: string;
    types: readonly string[];
    deliver(envelopes: readonly never[]): Promise<void>;
  }): Promise<{ stop(): Promise<void> }>;
}

/** @see @atrium/topics */
export interface Topics {
  publish(topic: string, message: unknown): void;
  subscribe<Message>(
    topic: string,
    options?: { signal?: AbortSignal; queueMax?: number },
  ): AsyncIterableIterator<Message>;
}

/** @see @atrium/blobs */
export type BlobStore = object;
/** @see @atrium/ephemeral */
export type EphemeralStore = object;
