/**
 * A number that is written as a float of 64 bits whatever it is. `2` is an integer on the wire, which peers whose types tell the two apart,
 * such as a Java `double`, may refuse. It is for what is sent: what arrives is a number.
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
