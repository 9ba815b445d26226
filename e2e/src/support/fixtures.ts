import { readdir } from "node:fs/promises";
import path from "node:path";
import { fileAt, type SourceFile } from "@atrium/testing";

const folder = path.resolve(__dirname, "../../fixtures");

/** A file that the journey uploads, by its name. */
export const fixture = (name: string): Promise<SourceFile> => fileAt(path.join(folder, name));

/** All files that the journey uploads. */
export async function allFixtures(): Promise<SourceFile[]> {
  const names = await readdir(folder);
  return Promise.all(names.filter((name) => name !== "README.md").map(fixture));
}
