// Loaded before the product: its clock goes wrong by SHIFTED_CLOCK_MS.
const shiftMs = Number(process.env.SHIFTED_CLOCK_MS);
const RealDate = Date;
const now = () => RealDate.now() + shiftMs;
globalThis.Date = class Date extends RealDate {
  constructor(...given) {
    super(...(given.length === 0 ? [now()] : given));
  }
  static now() {
    return now();
  }
};
