import { parse, type CsvError } from "csv-parse";
import { looksLikeHeader, rowText, type Draft, type ReaderInput } from "../document";
import { decodedPieces } from "../encoding";
import { ParseFailure } from "../failures";
import { delimiterOf } from "../formats";
import type { Limits } from "../limits";

/** Rows are read as they come, so any size takes the same memory. A first row that names the columns names every cell. */
export async function* readCsv(input: ReaderInput, limits: Limits): AsyncGenerator<Draft> {
  const pieces = decodedPieces(input.chunks());
  const first = await pieces.next();
  const head = first.done ? "" : first.value;
  const delimiter =
    delimiterOf(head, { whole: false, named: true }) ?? delimiterOf(head, { whole: true, named: true }) ?? ",";
  const parser = parse({
    delimiter,
    bom: true,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    max_record_size: limits.recordCharacters,
  });
  const feeding = feed(parser, head, pieces);
  let header: string[] | null | undefined;
  try {
    for await (const cells of parser as AsyncIterable<string[]>) {
      if (header === undefined) {
        header = looksLikeHeader(cells) ? cells.map((cell) => cell.trim()) : null;
        yield { kind: "TABLE_ROW", text: rowText(cells) };
      } else {
        yield { kind: "TABLE_ROW", text: rowText(cells, header) };
      }
    }
  } catch (fault) {
    throw csvFailure(fault as CsvError, limits);
  }
  await feeding;
}

async function feed(parser: ReturnType<typeof parse>, head: string, rest: AsyncIterable<string>): Promise<void> {
  const write = async (text: string) => {
    if (!parser.write(text)) await new Promise<void>((resolve) => parser.once("drain", resolve).once("close", resolve));
  };
  try {
    await write(head);
    for await (const piece of rest) {
      if (parser.destroyed) return;
      await write(piece);
    }
    parser.end();
  } catch (fault) {
    parser.destroy(fault as Error);
  }
}

function csvFailure(fault: CsvError, { recordCharacters }: Limits): unknown {
  if (fault.code === "CSV_MAX_RECORD_SIZE") {
    return new ParseFailure(
      "TOO_LARGE",
      `Line ${fault.lines} of the table is longer than ${recordCharacters.toLocaleString("en")} characters. Is a quotation mark left open there?`,
      { cause: fault },
    );
  }
  if (fault.code === "CSV_QUOTE_NOT_CLOSED") {
    return new ParseFailure("CORRUPT", "A quotation mark in the table is opened and never closed.", { cause: fault });
  }
  return fault.code ? new ParseFailure("CORRUPT", undefined, { cause: fault }) : fault;
}
