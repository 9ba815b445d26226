import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Route } from "@atrium/subgraph";
import type { RequestContext } from "./context";
import { findFile } from "./data-export/queries";

/** An export, for the person that it is of. */
export const routes: Route<RequestContext>[] = [
  {
    method: "GET",
    path: "/exports/:token",
    async handle(ctx, { request, response, params, signal }) {
      const { dataExport, read } = await findFile(ctx, params.token!);
      const extension = dataExport.format.toLowerCase();
      response.writeHead(200, {
        "content-type": dataExport.format === "ZIP" ? "application/zip" : "application/json",
        "content-disposition": `attachment; filename="atrium-export-${dataExport.id}.${extension}"`,
        "content-security-policy": "sandbox; default-src 'none'",
        "x-content-type-options": "nosniff",
        "cache-control": "private, no-store",
        "content-length": dataExport.sizeBytes!,
      });
      if (request.method === "HEAD") return void response.end();
      await pipeline(Readable.from(read()), response, { signal });
    },
  },
];
