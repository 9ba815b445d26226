/** Packages that ship ESM alone: compiled for Jest like our own sources. */
const esmOnly = [];

/** Everything as one process has it; `*.distributed.test.ts` are of the other shape alone. */
const common = {
  testEnvironment: "node",
  testEnvironmentOptions: { customExportConditions: ["@atrium/source", "node", "require", "default"] },
  testMatch: ["**/*.test.ts"],
  testPathIgnorePatterns: ["/node_modules/", "/dist/", "/generated/"],
  cacheDirectory: "<rootDir>/.cache/jest",
  modulePathIgnorePatterns: ["/dist/", "<rootDir>/.atrium/", "<rootDir>/.cache/"],
  transform: { "\\.([cm]?js|tsx?)$": "<rootDir>/infra/workspace/jest-transform.cjs" },
  transformIgnorePatterns: [`/node_modules/(?!(\\.pnpm/)?(${["@@none", ...esmOnly].join("|")}))`],
};

const { suitesOfTheDistributedShape } = require("./infra/workspace/distributed-suites.cjs");

module.exports = {
  testTimeout: 30_000,
  testSequencer: "<rootDir>/infra/workspace/slowest-first.cjs",
  projects: [
    {
      ...common,
      displayName: "embedded",
      testPathIgnorePatterns: [...common.testPathIgnorePatterns, "\\.distributed\\.test\\.ts$"],
    },
    // Every journey is one of both shapes.
    ...suitesOfTheDistributedShape({
      ...common,
      displayName: "distributed",
      testMatch: ["<rootDir>/e2e/**/*.test.ts", "**/*.distributed.test.ts"],
      testPathIgnorePatterns: [...common.testPathIgnorePatterns, "\\.embedded\\.test\\.ts$"],
      setupFiles: ["<rootDir>/infra/workspace/in-the-distributed-shape.cjs"],
    }),
  ],
};
