import type { GraphQLFormattedError } from "graphql";
import type { ClientRequest } from "../client-request";

/** Says no more than callers know of themselves: what a field requires is the graph's own business. */
export const denial = ({ claims }: Pick<ClientRequest, "claims">): GraphQLFormattedError => ({
  message: claims.isAuthenticated ? "You may not see this." : "Only callers who are authenticated may see this.",
  extensions: { code: "UNAUTHORIZED_FIELD_OR_TYPE" },
});
