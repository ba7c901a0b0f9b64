// Methods that every Node.js Buffer has and that @types/node leaves out: reading and writing text without an argument
// check on the way in, several times faster on short strings.
interface Buffer {
  latin1Slice(start?: number, end?: number): string;
  utf8Slice(start?: number, end?: number): string;
  latin1Write(text: string, offset?: number, length?: number): number;
  utf8Write(text: string, offset?: number, length?: number): number;
}
