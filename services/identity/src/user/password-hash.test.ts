import { passwordHasher } from "./password-hash";

test("a password is hashed by argon2id with OWASP's parameters, and checked", async () => {
  const hasher = await passwordHasher();
  const hash = await hasher.hash("correct horse battery staple");
  expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  expect(await hasher.verify(hash, "correct horse battery staple")).toBe(true);
  expect(await hasher.verify(hash, "correct horse battery stapler")).toBe(false);
});

test("without a hash nothing matches, and it takes the same work", async () => {
  const hasher = await passwordHasher();
  const hash = await hasher.hash("correct horse battery staple");
  const cpu = async (known: string | null) => {
    const before = process.cpuUsage();
    expect(await hasher.verify(known, "wrong")).toBe(false);
    const { user, system } = process.cpuUsage(before);
    return user + system;
  };
  const median = (numbers: number[]) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
  const [known, unknown] = [[] as number[], [] as number[]];
  for (let i = 0; i < 15; i++) {
    known.push(await cpu(hash));
    unknown.push(await cpu(null));
  }
  const ratio = median(unknown) / median(known);
  expect(ratio).toBeGreaterThan(0.6);
  expect(ratio).toBeLessThan(1.6);
});

test("more than the limit at once are turned away, and those waiting are served", async () => {
  const hasher = await passwordHasher({ pendingMax: 2 });
  const results = await Promise.allSettled([1, 2, 3].map(() => hasher.hash("correct horse battery staple")));
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
  expect((results[2] as PromiseRejectedResult).reason.extensions).toEqual({
    code: "RATE_LIMITED",
    retryAfterSeconds: 2,
  });
  await expect(hasher.hash("correct horse battery staple")).resolves.toContain("$argon2id$");
});
