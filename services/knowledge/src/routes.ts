import { pipeline } from "node:stream/promises";
import { PublicError } from "@atrium/errors";
import type { Route } from "@atrium/subgraph";
import type { RequestContext } from "./context";
import { readFileLink } from "./document/file-link";
import { fileOf } from "./document/queries";
import { receiveUpload } from "./upload/commands";

/** Files in and out. The token in the address is what permits both. */
export const routes: Route<RequestContext>[] = [
  {
    method: "PUT",
    path: "/uploads/:token",
    async handle(ctx, { request, response, params, signal }) {
      const length = request.headers["content-length"];
      const declaredBytes = length === undefined ? null : Number(length);
      const { id, sizeBytes } = await receiveUpload(ctx, {
        token: params.token!,
        // A refusal leaves the connection open: it has to carry the answer.
        body: request.iterator({ destroyOnReturn: false }),
        declaredBytes,
        signal,
      });
      response.writeHead(201, { "content-type": "application/json" }).end(JSON.stringify({ uploadId: id, sizeBytes }));
    },
  },
  {
    method: "GET",
    path: "/files/:token",
    async handle(ctx, { request, response, params }) {
      const claims = readFileLink(params.token!, ctx.fileLinkKey, ctx.now());
      if (!claims) throw new PublicError("NOT_FOUND", "This file address isn't valid, or not any more.");
      const { organizationId, workspaceId, documentId } = claims;
      const file = await fileOf(ctx.database.as({ organizationId, workspaceId }), workspaceId, documentId);
      const stat = file && (await ctx.blobs.stat(file.blobKey));
      if (!file || !stat) throw new PublicError("NOT_FOUND", "The file isn't there any more.");
      const range = rangeOf(request.headers.range, stat.sizeBytes);
      if (range === "UNSATISFIABLE") {
        response.writeHead(416, { "content-range": `bytes */${stat.sizeBytes}` }).end();
        return;
      }
      const { start, end } = range ?? { start: 0, end: stat.sizeBytes - 1 };
      response.writeHead(range ? 206 : 200, {
        // Whatever was uploaded, a browser saves it and never runs it on this origin.
        "content-type": "application/octet-stream",
        "content-disposition": `attachment; filename*=UTF-8''${encodeURIComponent(file.filename).replace(/['()*]/g, percent)}`,
        "content-security-policy": "sandbox; default-src 'none'",
        "x-content-type-options": "nosniff",
        "cache-control": "private, no-store",
        "accept-ranges": "bytes",
        "content-length": end - start + 1,
        ...(range && { "content-range": `bytes ${start}-${end}/${stat.sizeBytes}` }),
      });
      if (request.method === "HEAD") return void response.end();
      await pipeline(await ctx.blobs.read(file.blobKey, { start, end }), response);
    },
  },
];

/** One range of bytes as RFC 9110 writes it; null for the whole file, also where several are asked for. */
function rangeOf(
  header: string | undefined,
  sizeBytes: number,
): { start: number; end: number } | "UNSATISFIABLE" | null {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header ?? "") ?? [];
  if (first === undefined || last === undefined || (first === "" && last === "")) return null;
  const start = first === "" ? Math.max(0, sizeBytes - Number(last)) : Number(first);
  const end = first === "" || last === "" ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1);
  return start <= end ? { start, end } : "UNSATISFIABLE";
}

const percent = (character: string) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
