/** A block of TypeScript on a page of the docs. */
export interface Snippet {
  readonly page: string;
  /** The line of the page on which the code begins, counted from 1. */
  readonly line: number;
  /** The file that the first line names, as in `// server.ts, on each machine`; `undefined` for a fragment. */
  readonly file: string | undefined;
  readonly code: string;
}

const FENCE = /^( *)(`{3,}|~{3,})(.*)$/;
const FILE_COMMENT = /^\/\/ ([\w-]+(?:\/[\w-]+)*\.ts)\b/;

/** All blocks marked `ts` of a page of Markdown, in order. */
export function extractSnippets(page: string, markdown: string): Snippet[] {
  const snippets: Snippet[] = [];
  let open: { fence: string; indent: number; isTypeScript: boolean; line: number; code: string[] } | undefined;
  for (const [index, text] of markdown.split(/\r?\n/).entries()) {
    const [, indent = '', fence = '', info = ''] = FENCE.exec(text) ?? [];
    if (open === undefined) {
      if (fence === '') continue;
      const isTypeScript = /^(ts|typescript)$/.test(info.trim());
      open = { fence, indent: indent.length, isTypeScript, line: index + 2, code: [] };
    } else if (fence.startsWith(open.fence) && info.trim() === '') {
      const code = open.code.join('\n');
      if (open.isTypeScript) snippets.push({ page, line: open.line, file: FILE_COMMENT.exec(code)?.[1], code });
      open = undefined;
    } else {
      open.code.push(text.slice(Math.min(open.indent, text.length - text.trimStart().length)));
    }
  }
  return snippets;
}
