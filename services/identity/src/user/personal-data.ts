import { countErased, recordsBy, type Person, type PersonalData } from "@atrium/personal-data";

const accounts = recordsBy(
  `select id, kind, name, created_at as "createdAt"
     from user_account where id = $1 and id > $2 order by id limit $3`,
);
const signInMethods = recordsBy(
  `select id, kind, identifier, created_at as "createdAt", last_used_at as "lastUsedAt",
          password_changed_at as "passwordChangedAt"
     from sign_in_method where user_id = $1 and id > $2 order by id limit $3`,
);

export const userData: PersonalData = {
  holds: "The account: name, e-mail address, ways to sign in; of a password the time it was changed alone.",
  category: "PROFILE",
  legalBasis: "CONTRACT",
  async *records(person: Person) {
    yield* accounts(person);
    yield* signInMethods(person);
  },
  async erase(person) {
    const methods = await countErased(person, "delete from sign_in_method where user_id = $1");
    return { erased: methods + (await countErased(person, "delete from user_account where id = $1")) };
  },
};
