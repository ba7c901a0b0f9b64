/**
 * A number that is always written as a 64-bit float. The number `2` is sent as an integer, which peers may refuse where they
 * expect a float, such as a Java `double`. It is only for sending: what arrives is a number.
 */
export class Float {
  /** The number. */
  readonly value: number;

  /** @throws TypeError when it is no number */
  constructor(value: number) {
    if (typeof value !== 'number') throw new TypeError(`float() takes a number, not ${typeof value}`);
    this.value = value;
  }
}

/**
 * Says that a number is to be written as a float, `float(2)`: for peers of other languages that take no integer in its place.
 * @throws TypeError when it is no number
 */
export function float(value: number): Float {
  return new Float(value);
}
