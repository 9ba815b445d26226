import { EmbeddedPostgresError } from "@atrium/database";
import { SettingsError } from "@atrium/subgraph";
import { sentenceFor, StartRefused } from "./refusals";

const systemError = (code: string, path?: string) => Object.assign(new Error(`${code}: it failed`), { code, path });

test.each([
  ["a refusal of ours", new StartRefused("Port 1 is taken."), "Port 1 is taken."],
  ["the database's", new EmbeddedPostgresError("It needs glibc."), "It needs glibc."],
  ["the settings'", new SettingsError(["PORT: no number"]), /PORT: no number/],
  ["a full disk", systemError("ENOSPC", "/data"), /^The disk is full\. Free some space/],
  ["a full disk under the database", systemError("53100"), /^The disk is full\. Free some space/],
  ["another user's folder", systemError("EACCES", "/data"), /may not write to \/data\. Change its owner, or choose/],
  ["a disk that is read-only", systemError("EROFS", "/data"), /may not write to \/data\./],
  [
    "a file where the folder should be",
    systemError("ENOTDIR", "/data"),
    /^\/data can't be a folder\. .* choose another/,
  ],
  ["a library that isn't there", systemError("MODULE_NOT_FOUND"), /^A library is missing: .* Delete node_modules/],
])("%s is one sentence that says what to do", (_, error, sentence) => {
  expect(sentenceFor(error)).toEqual(typeof sentence === "string" ? sentence : expect.stringMatching(sentence));
});

test("a fault of ours isn't explained away", () => {
  expect(sentenceFor(new TypeError("x is not a function"))).toBeNull();
  expect(sentenceFor("thrown text")).toBeNull();
});
