/** Lets the wall clock of this process jump, as a step of NTP or an administrator does; the monotonic clock goes on. @param byMs - from what it is in truth */
export function jumpClock(byMs: number): void {
  const now = (): number => TrueDate.now() + byMs;
  globalThis.Date = new Proxy(TrueDate, {
    construct: (target, args, as) => Reflect.construct(target, args.length === 0 ? [now()] : args, as),
    get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
  });
}

const TrueDate = Date;
