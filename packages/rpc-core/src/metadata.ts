/**
 * Text keys and values that are sent with the arguments. Keys: lower case letters, digits, `.`, `_`, `-`. A key has one value,
 * and the wire refuses a second one; join several values into one text, such as with commas (RFC 9110, section 5.3).
 * A handler's metadata is sent back with its result, or with the end of its items; an error has `details` instead.
 */
export type Metadata = Readonly<Record<string, string>>;
