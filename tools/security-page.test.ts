import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';

const PAGE: URL = new URL('../docs/security.md', import.meta.url);
const FAULTS: URL = new URL('../docs/faults.md', import.meta.url);
/** A link to a test, whose text is a part of a title in there. */
const TEST_LINK = /\[([^\]]+)\]\(([^)\s]+\.test\.ts)\)/g;
/** How a title begins, and what is left of it where it has values inside. */
const TITLE = /\b(?:describe|it|wrapperContract)\(\s*(`[^`]*`|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")/g;
/** Sections whose tables say who is who, and show nothing. */
const WITHOUT_TESTS: readonly string[] = ['Who may do what'];

interface Row {
  readonly section: string;
  readonly line: number;
  readonly text: string;
}

describe('the page about security', () => {
  const rows = rowsOf(readFileSync(PAGE, 'utf8'));

  it('has a table for each attacker', () => {
    const sections = new Set(rows.map(({ section }) => section));
    assert.ok(sections.size >= 10, [...sections].join());
  });

  it('says nothing that no test shows: each line of its tables names one', () => {
    const silent = rows.filter(
      ({ section, text }) => !WITHOUT_TESTS.includes(section) && ![...text.matchAll(TEST_LINK)].length,
    );
    assert.deepEqual(silent, []);
  });

  it('names tests that are there, by what their titles say', () => assert.deepEqual(missingIn(rows, PAGE), []));
});

describe('the page about faults', () => {
  it('names tests that are there, by what their titles say, for each fault that its table of processes does not show', () => {
    const rows = rowsOf(readFileSync(FAULTS, 'utf8')).filter(({ section }) => section === 'Shown by tests alone');
    assert.ok(rows.length >= 10, String(rows.length));
    const silent = rows.filter(({ text }) => ![...text.matchAll(TEST_LINK)].length);
    assert.deepEqual(silent, []);
    assert.deepEqual(missingIn(rows, FAULTS), []);
  });
});

/** Links to tests that are not there. */
function missingIn(rows: readonly Row[], page: URL): readonly object[] {
  return rows.flatMap(({ line, text }) =>
    [...text.matchAll(TEST_LINK)]
      .map(([, title = '', path = '']) => ({ line, title, path }))
      .filter(({ title, path }) => !titlesOf(new URL(path, page)).some((each) => each.includes(title))),
  );
}

function rowsOf(page: string): readonly Row[] {
  let section = '';
  const rows: Row[] = [];
  for (const [index, text] of page.split('\n').entries()) {
    if (text.startsWith('## ')) section = text.slice(3);
    const isHead = page.split('\n')[index + 1]?.startsWith('|---') === true;
    if (text.startsWith('| ') && !isHead) rows.push({ section, line: index + 1, text });
  }
  return rows;
}

function titlesOf(file: URL): readonly string[] {
  if (!existsSync(file)) return [];
  return [...readFileSync(file, 'utf8').matchAll(TITLE)].map(([, title = '']) => title.slice(1, -1));
}
