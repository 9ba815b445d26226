import { list, read, type Case, type Thing } from "../case";

export const owners: Case = {
  name: "overrides, progressive ones too",
  subgraphs: {
    old: `
      type Query { users: [User!]! }
      type User @key(fields: "id") { id: ID! name: String email: String phone: String bio: String age: Int friend: User }`,
    fresh: `
      type Query { admin: User }
      type User @key(fields: "id") {
        id: ID!
        name: String @override(from: "old")
        email: String @override(from: "old", label: "percent(0)")
        phone: String @override(from: "old", label: "percent(100)")
        bio: String @override(from: "old", label: "percent(50)")
      }`,
    sizes: `
      type User @key(fields: "id") { id: ID! name: String @external
        length: Int @requires(fields: "name") age: Int @override(from: "old", label: "percent(50)") }`,
  },
  data() {
    const users = list(4, (n) => ({
      __typename: "User",
      id: `u${n}`,
      name: `User ${n}`,
      email: n === 1 ? null : `u${n}@x`,
      phone: `+43 ${n}`,
      bio: n === 2 ? null : `bio ${n}`,
      age: n,
      length: (_: Thing, self: Thing) => String(read(self, "name")).length,
    })) as Thing[];
    users.forEach((user, n) => (user.friend = n === 3 ? null : users[n + 1]));
    return { Query: { users, admin: users[0] } as Thing, User: users };
  },
  operations: [
    "{ users { id name email phone bio age } }",
    "{ admin { name email phone bio length friend { bio friend { age length } } } }",
  ],
};

export const tenants: Case = {
  name: "@context and @fromContext",
  isRefusedByStock: true,
  subgraphs: {
    projects: `
      type Query { tenants: [Tenant!]! project(id: ID!): Tenant }
      type Tenant @key(fields: "id") @context(name: "tenant") {
        id: ID! currency: String tier: String @external projects: [Project!]! main: Project }
      type Project @key(fields: "id") {
        id: ID! name: String
        budget(factor: Int = 1, currency: String @fromContext(field: "$tenant { currency }")): String
        quota(tier: String @fromContext(field: "$tenant { tier }")): String
        parts: [Project!]
      }`,
    billing: `
      type Tenant @key(fields: "id") { id: ID! tier: String }
      type Project @key(fields: "id") { id: ID! spent: Int! }`,
  },
  data() {
    const all = list(3, (n) => ({
      __typename: "Tenant",
      id: `t${n}`,
      currency: n === 2 ? null : ["EUR", "USD"][n],
      tier: `tier ${n}`,
    })) as Thing[];
    const projects = all.flatMap((tenant, n) =>
      list(2, (m) => ({
        __typename: "Project",
        id: `p${n}${m}`,
        name: `Project ${m}`,
        spent: m,
        // Only the whole graph's own objects know their tenant: a subgraph has what it is told.
        __tenant: tenant,
        budget: ({ factor, currency }: Thing, self: Thing) =>
          `${String(factor)} ${String(currency ?? (self.__tenant as Thing | undefined)?.currency ?? null)}`,
        quota: ({ tier }: Thing, self: Thing) => String(tier ?? (self.__tenant as Thing | undefined)?.tier ?? null),
      })),
    ) as Thing[];
    all.forEach((tenant, n) => {
      tenant.projects = projects.filter(({ __tenant }) => __tenant === tenant);
      tenant.main = n === 1 ? null : projects[n * 2];
    });
    projects.forEach((project, n) => (project.parts = n % 2 === 0 ? [projects[n + 1]] : null));
    return {
      Query: {
        tenants: all,
        project: ({ id }: Thing) => all.find((each) => each.id === id) ?? null,
      },
      Tenant: all,
      Project: projects,
    };
  },
  operations: [
    "{ tenants { projects { name budget quota spent } } }",
    "{ tenants { currency main { budget(factor: 3) twice: budget(factor: 2) parts { budget quota } } } }",
    '{ project(id: "t1") { id projects { quota parts { quota spent } } } }',
  ],
};
