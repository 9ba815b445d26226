const { existsSync } = require("node:fs");
const path = require("node:path");
const { default: Sequencer } = require("@jest/test-sequencer");

/** Suites that take a minute and more, the longest first. A short file may be one: Jest goes by a file's size. */
const slowest = [
  "infra/distributed/src/crash.distributed.test.ts",
  "infra/embedded/src/embedded.test.ts",
  "e2e/src/crash.embedded.test.ts",
  "packages/events/src/chaos.test.ts",
  "e2e/src/bad-input.test.ts",
  "gateway/src/differential/differential.test.ts",
  "e2e/src/readme.test.ts",
  "packages/events/src/kafka/kafka.test.ts",
  "e2e/src/privacy.test.ts",
  "e2e/src/journey.test.ts",
];
const gone = slowest.filter((name) => !existsSync(path.join(__dirname, "../..", name)));
if (gone.length > 0) throw new Error(`infra/workspace/slowest-first.cjs names what isn't there: ${gone.join(", ")}.`);

/** As Jest orders suites, but none that is slow is left for the end, where the other workers would wait for it. */
module.exports = class SlowestFirst extends Sequencer {
  sort(tests) {
    const rank = (test) => {
      const at = slowest.findIndex((name) => test.path.endsWith(path.join("/", name)));
      return at === -1 ? slowest.length : at;
    };
    return super.sort(tests).toSorted((one, other) => rank(one) - rank(other));
  }
};
