import type { Page } from 'playwright-core';

/** What is wrong with a page for those who cannot see it well, or use keys: by the rules of WCAG 2.2 that can be computed. */
export function inspectPage(page: Page): Promise<string[]> {
  // It runs in the browser, from its text: the compiler of the tests puts helpers into functions that a page does not have.
  return page.evaluate(IN_THE_PAGE) as Promise<string[]>;
}

const IN_THE_PAGE = `(() => {
  const found = [];
  const count = (selector) => document.querySelectorAll(selector).length;
  for (const landmark of ['main', 'header', 'nav']) if (count(landmark) !== 1) found.push(landmark + ' is there ' + count(landmark) + ' times');
  if (count('h1') !== 1) found.push('h1 is there ' + count('h1') + ' times');
  if (document.documentElement.lang === '') found.push('no language');
  if (document.documentElement.scrollWidth > innerWidth + 1) found.push('wider than the window by ' + (document.documentElement.scrollWidth - innerWidth));
  const ids = [...document.querySelectorAll('[id]')].map((each) => each.id);
  for (const id of new Set(ids)) if (ids.filter((each) => each === id).length > 1) found.push('id twice: ' + id);
  for (const each of document.querySelectorAll('a[href], button, input, select, textarea, summary')) {
    if (each.closest('[aria-hidden=true]')) continue;
    const label = [...(each.labels ?? [])].map((label) => label.textContent).join('') || each.getAttribute('aria-label') || (each.matches('input, select, textarea') ? '' : each.textContent);
    if (label.trim() === '') found.push('no name: ' + each.outerHTML.slice(0, 100));
  }
  const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (text) => {
    const [r, g, b] = numbers(text).slice(0, 3).map((value) => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor;
      if (numbers(colour)[3] !== 0) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (node.data.trim() === '' || element.closest('svg, noscript, :disabled, option') || element.getClientRects().length === 0) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(ground(element))].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) found.push('contrast ' + contrast.toFixed(2) + ': ' + node.data.trim().slice(0, 40));
  }
  return [...new Set(found)];
})()`;
