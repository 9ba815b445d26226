import path from "node:path";
import { emitSchema } from "@atrium/schema-kit";
import { identitySchema } from "./schema";

emitSchema(identitySchema(), path.join(__dirname, "../schema.graphql"));
