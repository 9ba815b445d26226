import {
  Arg,
  Ctx,
  DateTime,
  Enum,
  Field,
  FieldResolver,
  Float,
  ID,
  InputType,
  Int,
  Mutation,
  ObjectType,
  Payload,
  Query,
  Resolver,
  Root,
  badInput,
  requireId,
  toPayload,
} from "@atrium/schema-kit";
import { categories, type Category as CategoryName } from "@atrium/personal-data";
import type { RequestContext } from "../context";
import { requestDataExport } from "./commands";
import {
  RequestDataExportRefusal,
  exportFormats,
  exportStatuses,
  partStatuses,
  usualMinutes,
  type DataExport as DataExportRow,
  type ExportFormat as Format,
  type ExportPart as ExportPartRow,
} from "./data-export";
import { dataExport, fileOf, partsOf } from "./queries";

const Category = Enum("DataCategory", "What a person may ask for.", categories);
const ExportFormat = Enum("DataExportFormat", "The form of an export.", exportFormats);
const ExportStatus = Enum("DataExportStatus", "Where an export stands.", exportStatuses);
const PartStatus = Enum("DataExportPartStatus", "Where a service's part of an export stands.", partStatuses);

@ObjectType("DataExportFile", { description: "An export to be fetched." })
class DataExportFile {
  @Field(() => String, {
    description: "Fetched by GET, with the access token of the person that it is of. It opens for nobody else.",
  })
  url!: string;

  @Field(() => DateTime, { description: "Until when." })
  expiresAt!: Date;

  @Field(() => Float, { description: "How big the file is." })
  sizeBytes!: number;

  @Field(() => String, { description: "SHA-256 of the file, in hexadecimal." })
  sha256!: string;
}

@ObjectType("DataExportPart", { description: "What one service contributes to an export." })
class DataExportPart {
  @Field(() => String, { description: "The service." })
  service!: string;

  @Field(() => PartStatus, { description: "Where its part stands." })
  status!: string;

  @Field(() => Int, { description: "How often it was asked." })
  attempt!: number;
}

@ObjectType("DataExport", { description: "A copy of everything that is held of the person who asked for it." })
class DataExport {
  @Field(() => ID, { description: "Opaque; begins with exp_." })
  id!: string;

  @Field(() => ExportStatus, { description: "Where it stands." })
  status!: string;

  @Field(() => ExportFormat, { description: "Its form." })
  format!: Format;

  @Field(() => [Category], { description: "What was asked for." })
  categories!: string[];

  @Field(() => DateTime, { description: "When it was asked for." })
  requestedAt!: Date;

  @Field(() => DateTime, { nullable: true, description: "Since when it can be fetched." })
  completedAt!: Date | null;
}

@InputType("RequestDataExportInput", { description: "What to export, and in which form." })
class RequestDataExportInput {
  @Field(() => [Category], { nullable: true, description: "What to export; everything when absent." })
  categories?: CategoryName[] | null;

  @Field(() => ExportFormat, { defaultValue: "ZIP", description: "The form of the file." })
  format!: Format;
}

const RequestDataExportPayload = Payload(
  "requestDataExport",
  { dataExport: { type: () => DataExport, description: "The export, which is being worked on." } },
  RequestDataExportRefusal,
);

@Resolver(() => DataExport)
export class DataExportResolver {
  @Query(() => DataExport, { nullable: true, description: "An export that the caller has asked for." })
  dataExport(@Arg("id", () => ID, { description: "Which export." }) id: string, @Ctx() ctx: RequestContext) {
    return dataExport(ctx, requireId("exp", id, "id"));
  }

  @Mutation(() => RequestDataExportPayload, {
    description: "Asks every service for what it holds of the caller, in all organizations, and makes one file of it.",
  })
  async requestDataExport(
    @Arg("input", () => RequestDataExportInput) input: RequestDataExportInput,
    @Ctx() ctx: RequestContext,
  ) {
    const all = Object.keys(categories) as CategoryName[];
    const asked = input.categories ? all.filter((category) => input.categories!.includes(category)) : all;
    if (asked.length === 0)
      throw badInput("input.categories", "input.categories is empty; leave it out for everything.");
    return toPayload(
      RequestDataExportPayload,
      await requestDataExport(ctx, { categories: asked, format: input.format }),
    );
  }

  @FieldResolver(() => DateTime, { nullable: true, description: "When it will probably be there; null once it is." })
  estimatedCompletion(@Root() { requestedAt, completedAt }: DataExportRow) {
    return completedAt ? null : new Date(requestedAt.getTime() + usualMinutes * 60_000);
  }

  @FieldResolver(() => DateTime, { nullable: true, description: "Until when it can be fetched." })
  downloadAvailableUntil(@Root() { availableUntil }: DataExportRow) {
    return availableUntil;
  }

  @FieldResolver(() => [DataExportPart], { description: "What each service contributes." })
  parts(@Root() { id }: DataExportRow, @Ctx() ctx: RequestContext): Promise<ExportPartRow[]> {
    return partsOf(ctx, id);
  }

  @FieldResolver(() => DataExportFile, { nullable: true, description: "The file, while it can be fetched." })
  file(@Root() root: DataExportRow, @Ctx() ctx: RequestContext) {
    const link = fileOf(ctx, root);
    return link && { ...link, sizeBytes: root.sizeBytes, sha256: root.sha256 };
  }
}
