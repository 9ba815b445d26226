import { PublicError, mask, ok, refuse, type Result } from ".";

test("a public error reaches the caller with its code and the field at fault", () => {
  const error = new PublicError("BAD_USER_INPUT", "The e-mail address has no @.", { field: "input.email" });
  const logFault = jest.fn();
  expect(mask(error, logFault)).toEqual({
    message: "The e-mail address has no @.",
    extensions: { code: "BAD_USER_INPUT", field: "input.email" },
  });
  expect(logFault).not.toHaveBeenCalled();
});

test("anything else is masked, and logged under the id that the caller gets", () => {
  const fault = new Error("duplicate key value violates unique constraint user_email_key");
  const logged: unknown[] = [];
  const masked = mask(fault, (faultId, thrown) => logged.push(faultId, thrown));
  expect(masked.message).not.toContain("duplicate key");
  expect(masked.extensions.code).toBe("INTERNAL_SERVER_ERROR");
  expect(logged).toEqual([masked.extensions.faultId, fault]);
});

test("an object that only claims to be public is masked", () => {
  const forged = { name: "PublicError", message: "select * from secret", extensions: { code: "MADE_UP" } };
  expect(mask(forged, () => {}).message).not.toContain("secret");
});

test("a refusal carries its code, and narrows the result's type", () => {
  const decide = (amount: number): Result<number, "TOO_MUCH"> =>
    amount > 100 ? refuse("TOO_MUCH", { path: ["amount"], message: "100 at the most." }) : ok(amount);
  expect(decide(7)).toEqual({ ok: true, value: 7 });
  expect(decide(101)).toEqual({ ok: false, code: "TOO_MUCH", path: ["amount"], message: "100 at the most." });
});
