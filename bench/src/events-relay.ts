import { kafkaSettings, kafkaTransport } from "@atrium/events";
import { log, openService } from "../../packages/events/src/testing/ledger";
import { write, type Load } from "./events-load";

// The publishing service as a process of its own, as it is in the distributed shape; ended by its parent.
const { LEDGER_URL = "", KAFKA_BROKERS, KAFKA_TOPIC_PREFIX, BENCH_SECRET = "" } = process.env;
const settings = kafkaSettings.parse({ KAFKA_BROKERS, KAFKA_TOPIC_PREFIX });
const ledger = openService("ledger", LEDGER_URL);

// Its parent may have been killed.
process.on("disconnect", () => process.exit());
process.on("message", (load: Load) => void write(ledger, load).then((commits) => process.send?.(commits)));

void ledger.run(kafkaTransport({ settings, secret: BENCH_SECRET, log })).then(() => process.send?.("ready"));
