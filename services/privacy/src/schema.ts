import { buildSubgraphSchema } from "@atrium/schema-kit";
import { AuditEntryResolver, AuditVerificationResolver } from "./audit-entry/graphql";
import { ConsentPurposeResolver } from "./consent-purpose/graphql";
import { ConsentResolver } from "./consent/graphql";
import type { RequestContext } from "./context";
import { DataExportResolver } from "./data-export/graphql";
import { ErasurePartResolver, ErasureResolver } from "./erasure/graphql";

export const schema = buildSubgraphSchema<RequestContext>({
  resolvers: [
    AuditEntryResolver,
    AuditVerificationResolver,
    ConsentPurposeResolver,
    ConsentResolver,
    DataExportResolver,
    ErasurePartResolver,
    ErasureResolver,
  ],
});
