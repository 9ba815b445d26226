import { embeddedTransport } from "..";
import { noteChanges, openService } from "./ledger";

// A process that runs both services of these tests, to be killed. Says `handling N` when it is in the middle of
// version N: the effect is written and not committed. `HANG_AT` is the version at which it stays there.
const { LEDGER_URL = "", REPORTS_URL = "", HANG_AT = "0" } = process.env;

async function main() {
  const ledger = openService("ledger", LEDGER_URL);
  const reports = openService("reports", REPORTS_URL);
  const transport = embeddedTransport({ groups: ["ledger", "reports"] });
  await reports.run(transport, [
    noteChanges(
      () => {},
      async ({ version }) => {
        process.stdout.write(`handling ${version}\n`);
        if (version === Number(HANG_AT)) await new Promise(() => setInterval(() => {}, 1_000));
      },
    ),
  ]);
  await ledger.run(transport);
}

void main();
