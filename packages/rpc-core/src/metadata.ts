/** Text keys and values that travel beside the arguments. Keys: lower case letters, digits, `.`, `_`, `-`. */
export type Metadata = Readonly<Record<string, string>>;
