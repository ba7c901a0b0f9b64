import { posix } from 'node:path';
import type { Finding, Rule, TextFile } from './source.js';

/** Links between pages, and from pages to sources, lead to a file or folder that is there, and to a heading of it. */
export const links: Rule = (tree) => {
  const pages = new Map(tree.texts.map((file) => [file.path, file]));
  const folders = new Set(tree.texts.flatMap(({ path }) => parents(path)));
  const findings: Finding[] = [];
  for (const page of tree.texts) {
    if (!page.path.endsWith('.md')) continue;
    for (const { target, line } of linksOf(page)) {
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page.path : posix.join(posix.dirname(page.path), path).replace(/\/$/, '');
      const add = (message: string): number => findings.push({ path: page.path, line, message });
      if (!pages.has(file) && !folders.has(file)) add(`links to ${target}, which is not there`);
      else if (anchor && file.endsWith('.md') && !headings(pages.get(file)!).has(anchor))
        add(`links to ${target}: no such heading`);
    }
  }
  return findings;
};

function parents(path: string): string[] {
  const found: string[] = [];
  for (let folder = posix.dirname(path); folder !== '.'; folder = posix.dirname(folder)) found.push(folder);
  return found;
}

function linksOf(page: TextFile): { target: string; line: number }[] {
  return proseLines(page).flatMap(({ text, line }) =>
    [...text.replace(/`[^`]*`/g, '').matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target]) => ({ target: target!, line }))
      .filter(({ target }) => !/^[a-z]+:/.test(target)),
  );
}

/** The anchors that renderers of Markdown give to headings: lower case, spaces as `-`, no punctuation. */
function headings(page: TextFile): Set<string> {
  const anchors = new Set<string>();
  for (const { text } of proseLines(page)) {
    const title = /^#{1,6} +(.+)$/.exec(text)?.[1];
    if (title === undefined) continue;
    const plain = title.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const slug = plain
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .trim()
      .replaceAll(' ', '-');
    for (let anchor = slug, count = 1; ; anchor = `${slug}-${count++}`) {
      if (anchors.has(anchor)) continue;
      anchors.add(anchor);
      break;
    }
  }
  return anchors;
}

/** Lines outside of code blocks. */
function proseLines(page: TextFile): { text: string; line: number }[] {
  let inCode = false;
  return page.text.split('\n').flatMap((text, index) => {
    if (/^ *(```|~~~)/.test(text)) {
      inCode = !inCode;
      return [];
    }
    return inCode ? [] : [{ text, line: index + 1 }];
  });
}
