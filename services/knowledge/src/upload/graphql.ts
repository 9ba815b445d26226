import {
  Arg,
  Ctx,
  DateTime,
  Field,
  Float,
  ID,
  InputType,
  Mutation,
  ObjectType,
  Payload,
  Resolver,
  badInput,
  requireInteger,
  requireText,
  toPayload,
} from "@atrium/schema-kit";
import { ok } from "@atrium/errors";
import type { RequestContext } from "../context";
import { createUpload } from "./commands";

@ObjectType("Upload", { description: "A file on its way: announced, and waiting for its bytes." })
class Upload {
  @Field(() => ID, { description: "Opaque; begins with upl_." })
  id!: string;

  @Field(() => String, { description: "Where to PUT the file's bytes, once, until `expiresAt`. Keep it to yourself." })
  url!: string;

  @Field(() => String, { description: "The file's name." })
  filename!: string;

  @Field(() => Float, { description: "The file's size as announced; exactly as many bytes have to come." })
  sizeBytes!: number;

  @Field(() => DateTime, { description: "When the address stops working." })
  expiresAt!: Date;
}

@InputType("CreateUploadInput", { description: "A file to announce." })
class CreateUploadInput {
  @Field(() => String, { description: "Its name without a path, up to 255 characters. Kept to be shown." })
  filename!: string;

  @Field(() => Float, { description: "Its size, in bytes." })
  sizeBytes!: number;

  @Field(() => String, {
    description:
      "Its content type; application/octet-stream leaves it to the content. What comes has to be of this kind.",
  })
  contentType!: string;
}

const CreateUploadPayload = Payload("createUpload", {
  upload: { type: () => Upload, description: "The announced upload." },
});

@Resolver()
export class UploadResolver {
  @Mutation(() => CreateUploadPayload, {
    description:
      "Announces a file. PUT its bytes to the upload's address, then make a document of it with addDocuments.",
  })
  async createUpload(@Arg("input", () => CreateUploadInput) input: CreateUploadInput, @Ctx() ctx: RequestContext) {
    const upload = await createUpload(ctx, {
      filename: requireFilename(input.filename),
      sizeBytes: requireInteger(input.sizeBytes, "input.sizeBytes", { min: 1, max: Number.MAX_SAFE_INTEGER }),
      contentType: requireText(input.contentType, "input.contentType", { lengthMax: 200 })
        .split(";")[0]!
        .trim()
        .toLowerCase(),
    });
    return toPayload(CreateUploadPayload, ok(upload));
  }
}

/** No path is ever made of a file's name; one that looks like a path is refused all the same, since it can't be meant. */
function requireFilename(given: string): string {
  const filename = requireText(given, "input.filename", { lengthMax: 255 });
  if (/[/\\]/.test(filename) || filename === "." || filename === "..")
    throw badInput("input.filename", "input.filename must be a file's name alone, without a path.");
  return filename;
}
