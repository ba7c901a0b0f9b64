/**
 * Characters of foreign text that must not reach a terminal or a log: control codes (C0, DEL, C1), which the terminal obeys;
 * marks that change the direction of text or are invisible, which make a name look like another; the line ends of Unicode; and
 * halves of surrogate pairs, which have no bytes.
 */
const DANGEROUS =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/**
 * Foreign text for one line of a terminal or a log: line breaks and tabs become a blank, and dangerous characters become
 * `\u....`.
 */
export function plainText(text: string): string {
  return text.replace(/[\t\r\n]+/g, ' ').replace(DANGEROUS, escaped);
}

/** The same for text of several lines: its line breaks and tabs stay. */
export function printable(text: string): string {
  return text
    .replace(/\r\n/g, '\n')
    .replace(DANGEROUS, (mark) => (mark === '\n' || mark === '\t' ? mark : escaped(mark)));
}

/**
 * A value as JSON that is safe on a terminal and means the same: `JSON.stringify` itself escapes only C0.
 * @param indent - blanks of each level; 0 for one line
 */
export function formatJson(value: unknown, indent = 2): string {
  return printable(JSON.stringify(value, undefined, indent));
}

function escaped(mark: string): string {
  return `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
