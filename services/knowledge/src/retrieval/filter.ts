import { foldAccents } from "./languages";
import type { MetadataCondition, MetadataValue, PassageFilter } from "./passage";
import { headingSeparator, type Segment } from "./segment";

/** 1 for each slot whose passage lives, whose document is enabled, and for which all of `filter` holds. */
export function allowedSlots(segment: Segment, filter: PassageFilter | undefined): Uint8Array {
  const { documents, documentOf, alive, pages, headingOf, slotCount } = segment;
  if (!isRestrictive(filter) && documents.every(({ enabled }) => enabled)) return alive;
  const { documentIds, metadata, heading, pageFrom, pageTo } = filter ?? {};
  const wanted = documentIds && new Set(documentIds);
  const documentAllowed = Uint8Array.from(documents, (document) =>
    document.enabled && (!wanted || wanted.has(document.id)) && (!metadata || fits(document.metadata, metadata))
      ? 1
      : 0,
  );
  const headingAllowed = heading ? headingsLike(segment, heading) : null;
  const allowed = new Uint8Array(slotCount);
  for (let slot = 0; slot < slotCount; slot++) {
    if (alive[slot] === 0 || documentAllowed[documentOf[slot]!] === 0) continue;
    if (headingAllowed && headingAllowed[headingOf[slot]!] === 0) continue;
    // A passage without a page is on none.
    if (pageFrom !== undefined && pages[slot]! < pageFrom) continue;
    if (pageTo !== undefined && (pages[slot] === 0 || pages[slot]! > pageTo)) continue;
    allowed[slot] = 1;
  }
  return allowed;
}

const isRestrictive = (filter: PassageFilter | undefined) =>
  filter !== undefined && Object.values(filter).some((condition) => condition !== undefined);

/** 1 for each heading path with a heading that contains `heading`. */
function headingsLike(segment: Segment, heading: string): Uint8Array {
  const wanted = foldAccents(heading.trim().toLowerCase());
  return Uint8Array.from(segment.foldedHeadings, (path) =>
    path.split(headingSeparator).some((each) => each.includes(wanted)) ? 1 : 0,
  );
}

function fits(
  metadata: Readonly<Record<string, MetadataValue>>,
  conditions: Readonly<Record<string, MetadataCondition>>,
): boolean {
  return Object.entries(conditions).every(([field, condition]) =>
    fitsCondition(Object.hasOwn(metadata, field) ? metadata[field]! : null, condition),
  );
}

function fitsCondition(value: MetadataValue, condition: MetadataCondition): boolean {
  const items: readonly (string | number | boolean)[] = Array.isArray(value)
    ? value
    : value === null
      ? []
      : [value as string];
  if (condition === null) return items.length === 0;
  if (typeof condition !== "object") return items.includes(condition);
  const { in: oneOf, notIn, from, to, exists } = condition;
  if (exists !== undefined && exists !== items.length > 0) return false;
  if (oneOf && !items.some((item) => oneOf.includes(item))) return false;
  if (notIn && items.some((item) => notIn.includes(item))) return false;
  if (from !== undefined && !items.some((item) => typeof item === typeof from && item >= from)) return false;
  if (to !== undefined && !items.some((item) => typeof item === typeof to && item <= to)) return false;
  return true;
}
