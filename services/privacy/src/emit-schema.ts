import path from "node:path";
import { emitSchema } from "@atrium/schema-kit";
import { schema } from "./schema";

emitSchema(schema, path.join(__dirname, "../schema.graphql"));
