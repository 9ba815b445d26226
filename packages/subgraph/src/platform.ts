import type { BlobStore } from "@atrium/blobs";
import type { ServiceDatabase } from "@atrium/database";
import type { EphemeralStore } from "@atrium/ephemeral";
import type { EventTransport } from "@atrium/events";
import type { Topics } from "@atrium/topics";
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
  /** The service's own database, made if it may be and need be. */
  database(service: string): Promise<ServiceDatabase>;
  transport: EventTransport;
  topics: Topics;
  blobs: BlobStore;
  ephemeral: EphemeralStore;
  /** Asks another service's subgraph: in this process when embedded, by signed HTTP when distributed. Never rejects. */
  call(service: string, request: OperationRequest): Promise<ExecutionResult>;
  /** Asks one of another service's internal operations, as the service `from`. */
  callInternal(service: string, name: string, input: unknown, from: string): Promise<unknown>;
}
