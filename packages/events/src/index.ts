export { appendEvent, appendEvents } from "./append";
export * from "./catalogue";
export { causedBy, type Cause } from "./cause";
export { deadLetters, discardDeadLetters, retryDeadLetters, type DeadLetter } from "./dead-letters";
export { defineEvent, EventDraft, EventRefused, type DataOf, type EventDefinition } from "./define";
export { envelopeBytesMax, parseEnvelope, serviceOf, sourceOf, type Envelope } from "./envelope";
export {
  handle,
  handleEvery,
  handleTogether,
  type Consumer,
  type EventDatabase,
  type EventHandle,
  type EventTransaction,
  type TypeConsumer,
} from "./handle";
export type { EventGauge } from "./gauges";
export { knownGroups, type InboxGroup } from "./inbox";
export { storedStats, type EventStats } from "./maintenance";
export { personalDataErasedOf, personalDataExportedOf, sensitiveReadOf } from "./of-each-service";
export { publishedEvents, replayInto } from "./replay";
export { runEvents, type RunEventsOptions, type RunningEvents } from "./run";
export { eventsBase } from "./schema";
export { originSeal, type Origin } from "./origin";
export { CantTakeBack, recordedEvents, takeBackEvents } from "./taking-back";
export { embeddedTransport, TransportNotReady, type EventTransport, type Subscription } from "./transport";
export { faultsOfKafkaSettings, kafkaSettings, kafkaTransport, type KafkaSettings } from "./kafka";
