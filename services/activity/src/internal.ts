import type { InternalOperation } from "@atrium/subgraph";
import { z } from "zod";
import type { Context } from "./context";
import { forgetRecorded } from "./recording/commands";

/** What an operator's command may ask, beside the API. */
export const internalOperations = ({ database }: Pick<Context, "database">): Record<string, InternalOperation> => ({
  async forgetRecorded(input) {
    const { from } = z.object({ from: z.iso.datetime().nullable() }).parse(input);
    await forgetRecorded(database.asService(), { from: from === null ? null : new Date(from) });
    return {};
  },
});
