import { list, type Case, type Thing } from "../case";

const kinds = ["VISITOR", "STAFF"];

/** Badges are reached by a member's composite key alone, and that key by way of the member's id. */
export const keys: Case = {
  name: "keys that are reached by way of other keys, keys of entities and lists, key-only types",
  subgraphs: {
    members: `
      type Query { members(first: Int = 3): [Member!]! member(id: ID!): Member organization: Organization }
      type Organization @key(fields: "id") { id: ID! name: String members: [Member] }
      type Member @key(fields: "id") { id: ID! }`,
    directory: `
      type Organization @key(fields: "id") { id: ID! motto: String }
      type Member @key(fields: "id") @key(fields: "organization { id } number") {
        id: ID! organization: Organization! number: Int! nick(upper: Boolean): String }`,
    badges: `
      type Organization @key(fields: "id", resolvable: false) { id: ID! }
      type Member @key(fields: "organization { id } number") { organization: Organization! number: Int! badges: [Badge!] }
      type Badge @key(fields: "member { organization { id } number } kind") { member: Member! kind: Kind! colour: String }
      enum Kind { VISITOR STAFF }`,
    vault: `
      type Query { doors: [Door!] }
      type Organization @key(fields: "id", resolvable: false) { id: ID! }
      type Member @key(fields: "organization { id } number", resolvable: false) { organization: Organization! number: Int! }
      type Badge @key(fields: "member { organization { id } number } kind") { member: Member! kind: Kind! level: Int! opens: [Door!]! }
      enum Kind { VISITOR STAFF }
      type Door @key(fields: "code floors { level }") { code: ID! floors: [Floor!]! }
      type Floor @shareable { level: Int! }`,
    building: `
      type Door @key(fields: "code floors { level }") { code: ID! floors: [Floor!]! width: Float twin: Door }
      type Floor @shareable { level: Int! }`,
  },
  data() {
    const organizations = list(2, (n) => ({
      __typename: "Organization",
      id: `o${n}`,
      name: n === 0 ? null : "Org 1",
      motto: `Motto ${n}`,
    })) as Thing[];
    const members = list(5, (n) => ({
      __typename: "Member",
      id: `m${n}`,
      organization: organizations[n % 2],
      number: n,
      nick: ({ upper }: Thing) => (n === 3 ? null : upper ? `NICK ${n}` : `nick ${n}`),
    })) as Thing[];
    organizations.forEach((each, n) => (each.members = [members[n], null, members[n + 2]]));
    const doors = list(3, (n) => ({
      __typename: "Door",
      code: "d",
      floors: list(n, (level) => ({ level })),
      width: n + 0.5,
    })) as Thing[];
    doors.forEach((door, n) => (door.twin = n === 1 ? null : doors[(n + 1) % 3]));
    const badges = members.flatMap((member, n) =>
      kinds.map((kind, k): Thing => ({
        __typename: "Badge",
        member,
        kind,
        colour: n === 2 ? null : `colour ${n}`,
        level: n * 10 + k,
        opens: doors.slice(0, (n + k) % 4),
      })),
    );
    members.forEach(
      (member, n) => (member.badges = n === 4 ? null : badges.filter((badge) => badge.member === member)),
    );
    return {
      Query: {
        members: ({ first }: Thing) => members.slice(0, Math.max(0, Number(first ?? 5))),
        member: ({ id }: Thing) => members.find((each) => each.id === id) ?? null,
        organization: organizations[0],
        doors,
      },
      Organization: organizations,
      Member: members,
      Badge: badges,
      Door: doors,
    };
  },
  operations: [
    "{ members { id badges { kind level colour } } }",
    "{ members { badges { opens { code width twin { width floors { level } } } } } }",
    '{ member(id: "m1") { nick(upper: true) number badges { member { nick badges { level } organization { name motto } } } } }',
    "{ organization { name members { number nick badges { kind } } } doors { width } }",
  ],
};
