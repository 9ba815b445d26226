export { startKafka, type KafkaOptions, type RunningKafka } from "./broker";
export { fetchKafka, KafkaUnavailable, whatIsMissing } from "./fetch";
