import { startHouse, type House } from "./testing/world";

describe.each(["embedded", "distributed"] as const)("in the %s shape", (shape) => {
  let house: House;
  beforeAll(async () => {
    house = await startHouse({ shape });
  });
  afterAll(() => house.close());

  test("an operation over three services is answered as one", async () => {
    const { token } = house.world.signIn("usr_ada");
    const { status, data, errors } = await house.post("{ documents { title author { name role } } viewer { id name role } }", { token });
    expect({ status, data, errors }).toEqual({
      status: 200,
      errors: undefined,
      data: {
        documents: [
          { title: "One", author: { name: "Name of usr_bob", role: "editor" } },
          { title: "Two", author: { name: "Name of usr_bob", role: "editor" } },
        ],
        viewer: { id: "usr_ada", name: "Ada", role: "editor" },
      },
    });
  });
});
