import { passagesOf, type CitedPassage, type GraphQLClient } from "@atrium/testing";

/** Checks that a citation's quote is what its document's text has from `start` to `end`, in the passage that it names. */
export async function expectToStandThere(
  client: GraphQLClient,
  documentId: string,
  { passageId, page, headingPath, start, end, quote }: CitedPassage,
): Promise<void> {
  const passage = (await passagesOf(client, documentId)).find(({ id }) => id === passageId);
  if (!passage) throw new Error(`The document ${documentId} has no passage ${passageId}.`);
  expect(passage.text.slice(start - passage.start, end - passage.start)).toBe(quote);
  expect(quote).not.toBe("");
  expect({ page, headingPath }).toEqual({ page: passage.page, headingPath: passage.headingPath });
}
