// Run as a process of its own by the tests: writes one blob of a given size, and says how that went.
import { PublicError } from "@atrium/errors";
import { folderBlobs } from "../folder";

async function main(directory: string, sizeBytes: number, pauseMs: number): Promise<void> {
  async function* bytes() {
    const chunk = Buffer.alloc(64 * 1024, "x");
    for (let sent = 0; sent < sizeBytes; sent += chunk.length) {
      yield chunk;
      if (pauseMs === 0) continue;
      process.stdout.write("wrote a chunk\n");
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
  const blobs = await folderBlobs(directory);
  try {
    await blobs.write(
      "org_1/small",
      (async function* () {
        yield Buffer.from("fits");
      })(),
      { sizeMax: 10 },
    );
    await blobs.write("org_1/large", bytes(), { sizeMax: Infinity });
    process.stdout.write("written\n");
  } catch (error) {
    const code = error instanceof PublicError ? error.extensions.code : String(error);
    process.stdout.write(`${code}: ${(error as Error).message}\n`);
  }
}

void main(process.argv[2]!, Number(process.argv[3]), Number(process.argv[4]));
