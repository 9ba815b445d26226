// Whether the suites of the distributed shape can run here: they need Redis and Kafka, which need more than Node.
const { existsSync } = require("node:fs");
const path = require("node:path");

const built = path.join(__dirname, "../distributed/dist/missing.js");

/** Jest's project in a list, or an empty one after a line that says what is missing. In continuous integration it is never. */
exports.suitesOfTheDistributedShape = (project) => {
  // Each worker reads this file too; one line is enough.
  const say = (text) => process.env.JEST_WORKER_ID === undefined && process.stderr.write(`${text}\n`);
  if (!existsSync(built)) {
    say("The suites of the distributed shape are skipped until something is built: npm run build");
    return [];
  }
  const missing = require(built).missingServers({});
  for (const why of missing) say(`The suites of the distributed shape are skipped: ${why}`);
  return missing.length > 0 ? [] : [project];
};
