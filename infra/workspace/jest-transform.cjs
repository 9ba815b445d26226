// TypeScript to CommonJS for Jest, by the compiler that also builds the product.
const { createHash } = require("node:crypto");
const { transformSync, version } = require("esbuild");

const options = {
  format: "cjs",
  target: "node20.19",
  sourcemap: "inline",
  // `import()` of a package that is only ESM becomes require(), which Jest resolves and transforms like the rest.
  supported: { "dynamic-import": false },
  tsconfigRaw: { compilerOptions: { experimentalDecorators: true, useDefineForClassFields: false } },
};

module.exports = {
  process(source, filename) {
    const loader = /\.tsx?$/.test(filename) ? "ts" : "js";
    return { code: transformSync(source, { ...options, loader, sourcefile: filename }).code };
  },
  getCacheKey(source, filename) {
    return createHash("sha1")
      .update(source)
      .update(filename)
      .update(version)
      .update(JSON.stringify(options))
      .digest("hex");
  },
};
