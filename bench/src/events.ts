import { embeddedTransport } from "@atrium/events";
import { withServer } from "./events-house";
import { drain, latency, live } from "./events-load";
import { perSecond, percentile, rounded, spread } from "./statistics";
import { atLeast, below, type Measure } from "./table";

/** How fast events get from a commit to their handlers' commits, between the databases of one process. */
export const events: Measure = (say) =>
  withServer(async ({ withServices }) => {
    const embedded = () => embeddedTransport({ groups: ["ledger", "reports"] });
    say("warming up");
    await withServices(embedded, (party) => drain(party, { count: 3_000, tenants: 10 }));
    const figures = [];
    for (const tenants of [1, 1_000]) {
      say(`20,000 events of ${tenants} tenants`);
      const { tookMs } = await withServices(embedded, (party) => drain(party, { count: 20_000, tenants }));
      const what = `events, embedded, outbox → handled one by one, ${rounded(tenants)} tenant(s)`;
      figures.push({ what, value: perSecond(20_000, tookMs) });
    }
    say("60,000 events into a handler of everything");
    const { tookMs } = await withServices(embedded, (party) =>
      drain(party, { count: 60_000, tenants: 100, everything: true }),
    );
    figures.push({
      what: "events, embedded, outbox → handled by the batch",
      value: perSecond(60_000, tookMs),
      reach: atLeast(5_000, "/s", (60_000 * 1_000) / tookMs),
    });
    say("appended and handled at once");
    const value = await withServices(embedded, (party) => live(party, 10_000));
    figures.push({ what: "events, embedded, appended one a transaction and handled meanwhile", value });
    say("200 a second");
    const late = await withServices(embedded, (party) => latency(party, 200, 8));
    figures.push({
      what: "events, embedded, commit → handled, 200 a second",
      value: spread(late),
      reach: below(250, "ms", percentile(late, 0.95)),
    });
    return figures;
  });
