export { answerForPeople, type AnswersForPeople, type HeldNoun, type PersonalDataService } from "./answer";
export { erasedAmong, isErased } from "./erase";
export { askEmails, partsPrefix } from "./export";
export {
  categories,
  erasedUserId,
  legalBases,
  nothingPersonal,
  type Category,
  type Erased,
  type Held,
  type LegalBasis,
  type NothingPersonal,
  type Person,
  type PersonalData,
} from "./held";
export { inPages } from "./pages";
export { countErased, erasedBy, recordsBy } from "./rows";
export { personalDataBase } from "./schema";
export { seal, unseal, unwrapKey, wrapKey } from "./sealed";
