/** Rows one by one, read page by page in the order of their ids: `load` returns up to `limit` rows after `after`. */
export async function* inPages<Row extends { id: string }>(
  load: (page: { after: string; limit: number }) => Promise<Row[]>,
  limit = 500,
): AsyncGenerator<Row, void> {
  for (let after = ""; ;) {
    const rows = await load({ after, limit });
    yield* rows;
    if (rows.length < limit) return;
    after = rows.at(-1)!.id;
  }
}
