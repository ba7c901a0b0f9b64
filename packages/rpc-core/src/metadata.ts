/**
 * Text keys and values that travel beside the arguments. Keys: lower case letters, digits, `.`, `_`, `-`. A key has one value,
 * and the wire refuses a second one; several are written as one text, such as with commas between (RFC 9110, section 5.3).
 * What a handler sends back goes with its result, or with the end of its items; an error has `details` instead.
 */
export type Metadata = Readonly<Record<string, string>>;
