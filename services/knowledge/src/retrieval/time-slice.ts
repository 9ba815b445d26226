/** Lets the event loop run between pieces of long work, so that nobody waits longer than one slice. */
export class TimeSlice {
  // Well below the 20 ms that a request may wait, for one piece of work can overrun the slice's end.
  static readonly lengthMs = 8;
  private startedAt = performance.now();

  get isOver(): boolean {
    return performance.now() - this.startedAt >= TimeSlice.lengthMs;
  }

  async next(signal?: AbortSignal): Promise<void> {
    await new Promise<void>((resume) => setImmediate(resume));
    signal?.throwIfAborted();
    this.startedAt = performance.now();
  }
}
