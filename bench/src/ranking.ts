import { isStopWord, stem } from "../../services/knowledge/src/retrieval/languages";
import { PassageIndex, searchPassages, type SearchMode } from "../../services/knowledge/src/retrieval";
import { abstracts, judgments, searchQuestions } from "./cranfield";
import type { Measure } from "./table";

const depth = 10;

/** How well searches rank, against plain BM25 on the same questions: nDCG at 10, the mean over the questions. */
export const ranking: Measure = async (say) => {
  say("indexing cranfield");
  const documents = abstracts();
  const index = new PassageIndex({ workspaceId: "wsp_bench", knowledgeBaseId: "kb_bench" });
  await index.add(documents.map(({ _id: id, title, text }) => ({ id, documentId: id, title, text })));
  await index.maintain({ evenIfNotDue: true });
  const plain = plainBm25(documents.map(({ _id: id, title, text }) => ({ id, text: `${title} ${text}` })));

  say("ranking");
  const judged = judgments();
  const questions = searchQuestions().filter(({ _id }) => judged.has(_id));
  const gains = (rank: (question: string) => string[]) =>
    questions.map(({ _id, text }) => discountedGain(rank(text), judged.get(_id)!));
  const ours = (mode: SearchMode) => (question: string) =>
    searchPassages([index], question, { mode, limit: depth }).hits.map(({ passageId }) => passageId);
  const base = gains(plain);
  const hybrid = gains(ours("HYBRID"));
  const keyword = gains(ours("KEYWORD"));
  const semantic = gains(ours("SEMANTIC"));
  await index.close();

  const better = hybrid.filter((gain, n) => gain > base[n]! + 1e-9).length;
  const worse = hybrid.filter((gain, n) => gain < base[n]! - 1e-9).length;
  const lead = mean(hybrid) - mean(base);
  return [
    {
      what: `nDCG@10, cranfield, ${questions.length} questions: hybrid / keyword / semantic / plain BM25`,
      value: `${mean(hybrid).toFixed(3)} / ${mean(keyword).toFixed(3)} / ${mean(semantic).toFixed(3)} / ${mean(base).toFixed(3)} (hybrid better on ${better}, worse on ${worse})`,
      reach: { target: "hybrid above BM25", met: lead > 0 },
    },
  ];
};

/** BM25 as in the books: Porter's stems without stop words, k1 1.2, b 0.75, and nothing else. */
function plainBm25(documents: readonly { id: string; text: string }[]): (query: string) => string[] {
  const [k1, b] = [1.2, 0.75];
  const termsOf = (text: string) =>
    (text.toLowerCase().match(/[a-z0-9]+/g) ?? [])
      .filter((word) => !isStopWord("en", word))
      .map((word) => stem("en", word));
  const postings = new Map<string, Map<number, number>>();
  const lengths = documents.map(({ text }, at) => {
    const terms = termsOf(text);
    for (const term of terms) {
      const posting = postings.get(term) ?? new Map<number, number>();
      postings.set(term, posting.set(at, (posting.get(at) ?? 0) + 1));
    }
    return terms.length;
  });
  const averageLength = mean(lengths);
  return (query) => {
    const scores = new Map<number, number>();
    for (const term of termsOf(query)) {
      const posting = postings.get(term);
      if (!posting) continue;
      const rarity = Math.log(1 + (documents.length - posting.size + 0.5) / (posting.size + 0.5));
      for (const [at, count] of posting) {
        const damping = k1 * (1 - b + (b * lengths[at]!) / averageLength);
        scores.set(at, (scores.get(at) ?? 0) + (rarity * count * (k1 + 1)) / (count + damping));
      }
    }
    const best = [...scores].sort((a, b) => b[1] - a[1]).slice(0, depth);
    return best.map(([at]) => documents[at]!.id);
  };
}

function discountedGain(found: readonly string[], wanted: ReadonlySet<string>): number {
  const discount = (rank: number) => 1 / Math.log2(rank + 2);
  const sum = (ranks: readonly number[]) => ranks.reduce((total, rank) => total + discount(rank), 0);
  const ideal = sum([...Array(Math.min(depth, wanted.size)).keys()]);
  return sum([...found.keys()].filter((rank) => wanted.has(found[rank]!))) / ideal;
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
