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

/** As Jest orders suites, but none that is slow is left for the end, where the other workers would wait for it. */
module.exports = class SlowestFirst extends Sequencer {
  sort(tests) {
    const rank = ({ path }) => {
      const at = slowest.findIndex((name) => path.replaceAll("\\", "/").endsWith(`/${name}`));
      return at === -1 ? slowest.length : at;
    };
    return super.sort(tests).toSorted((one, other) => rank(one) - rank(other));
  }
};
