import path from "node:path";
import { startKafka } from "./broker";
import { KafkaUnavailable } from "./fetch";

/** `npm run kafka`: a broker until Ctrl-C, on `.atrium/kafka` or the folder that is named. */
export async function run([folder = ".atrium/kafka"]: readonly string[]): Promise<void> {
  try {
    const { brokers, stop } = await startKafka({ directory: path.resolve(folder) });
    console.log(`Kafka is ready: KAFKA_BROKERS=${brokers}`);
    const end = () => void stop().then(() => process.exit(0));
    process.once("SIGINT", end);
    process.once("SIGTERM", end);
    setInterval(() => {}, 2 ** 30);
  } catch (error) {
    if (!(error instanceof KafkaUnavailable)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
