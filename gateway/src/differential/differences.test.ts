import { corpus } from "./corpus";
import { openHouse, type DifferentialHouse } from "./house";

// Where the stock gateway answers otherwise than the whole graph, and we don't: DIFFERENCES.md tells why.

let house: DifferentialHouse;
beforeAll(async () => {
  house = await openHouse(corpus[0]!);
});
afterAll(() => house?.close());

test.each([
  ["a field with other arguments than @requires names", "{ products { shipping(fast: false) price(currency: EUR) } }"],
  ["an alias that is the name of a key", "{ products { id: name inStock } }"],
  ["an alias that is the name of a required field", "{ products { size: name shipping(fast: true) } }"],
])("%s", async (_, text) => {
  const [ours, stock, whole] = [await house.ours(text), await house.stock(text), await house.whole(text)];
  expect(ours).toEqual(whole);
  // Once it is right there as well, the entry in DIFFERENCES.md has had its day.
  expect(stock.data).not.toEqual(whole.data);
});
