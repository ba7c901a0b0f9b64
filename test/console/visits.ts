import assert from 'node:assert/strict';
import type { Fleet } from '@org/rpc-console';
import type { Page } from 'playwright-core';
import { SLOW, type Town } from './town.js';

/** What a visit works with. */
export interface VisitTools {
  readonly page: Page;
  readonly url: string;
  readonly town: Town;
  readonly fleet: Fleet;
  readonly token: string;
}

/** One thing that somebody does with the page. They follow each other. */
export interface Visit {
  readonly name: string;
  run(tools: VisitTools): Promise<void>;
}

/** Names that would run, if they were ever taken for HTML, and one that turns the direction of text. */
const HOSTILE = [
  '<img src=x onerror="hacked=1">',
  `"><svg onload=hacked=1>`,
  `</script><script>hacked=1</script>`,
  'shop\u202egpj',
];
const WAIT_MS = 15_000;

/** All of them. */
export const VISITS: readonly Visit[] = [
  {
    name: 'map',
    async run({ page, url }) {
      await page.goto(url);
      for (const caller of ['checkout', 'gateway']) await cell(page, caller).first().waitFor({ timeout: WAIT_MS });
      await page.locator('svg path.link.errors').first().waitFor({ state: 'attached', timeout: WAIT_MS });
      assert.equal(await page.locator('svg rect').count(), 2 + 2 + 3);
      const before = await page.locator('tbody tr').first().innerText();
      // It is live: nobody reloads it.
      await become(async () => (await page.locator('tbody tr').first().innerText()) !== before);
    },
  },
  {
    name: 'services',
    async run({ page }) {
      await go(page, 'Services');
      await cell(page, 'shop').first().click();
      await page.getByRole('heading', { name: 'shop', level: 1 }).waitFor();
      await page.getByText(/NOT_FOUND \d/).waitFor({ timeout: WAIT_MS });
      const why = page.getByRole('region', { name: 'Why calls failed' }).locator('tr', { hasText: 'checkout' });
      await why.getByText('its handler has answered so').first().waitFor({ timeout: WAIT_MS });
      await why.getByText('buy').first().waitFor();
      const methods = page.getByRole('region', { name: 'Methods' });
      for (const method of ['find', 'buy']) await methods.getByText(method, { exact: true }).waitFor();
      assert.equal(await page.locator('.chart canvas').count(), 2);
    },
  },
  {
    name: 'instances',
    async run({ page }) {
      await go(page, 'Instances');
      assert.equal(await page.locator('tbody tr').count(), 3);
      for (const text of ['1.5.0-rc.1', 'serving']) await page.getByText(text).first().waitFor();
    },
  },
  {
    name: 'instance',
    async run({ page }) {
      await cell(page, SLOW).first().click();
      await page.getByRole('heading', { name: SLOW, level: 1 }).waitFor();
      // Who is slow can be read from here.
      await become(async () => /p99\s*([6-9]\d\.\d|\d{3}) ms/.test(await page.locator('.figures').innerText()));
      assert.ok(await page.getByRole('button', { name: 'Drain' }).isDisabled());
      await page.locator('tr', { hasText: '500 at once, 50 may wait' }).getByText('its options').waitFor();
    },
  },
  {
    name: 'a caller',
    async run({ page }) {
      await go(page, 'Callers');
      await cell(page, 'checkout').first().click();
      await page.getByRole('heading', { name: 'checkout', level: 1 }).waitFor();
      const region = (name: string) => page.getByRole('region', { name, exact: true });
      await region('What it calls now').locator('tr', { hasText: SLOW }).first().waitFor({ timeout: WAIT_MS });
      await region('What it has called, by method').getByText('shop.buy').first().waitFor({ timeout: WAIT_MS });
      await region('Why calls failed').getByText('shop.buy').first().waitFor({ timeout: WAIT_MS });
      await region('Its processes').getByText('shop-1').waitFor({ timeout: WAIT_MS });
      // From an instance to the callers in its process, and back.
      await region('Its processes').getByText('shop-1').click();
      await page.getByRole('heading', { name: 'shop-1', level: 1 }).waitFor();
      await page.getByRole('heading', { name: 'Calls that its process makes' }).waitFor();
      await page.getByRole('link', { name: 'gateway' }).first().click();
      await page.getByRole('heading', { name: 'gateway', level: 1 }).waitFor();
    },
  },
  { name: 'an instance that its callers avoid', run: visitAvoided },
  { name: 'names that are attempts at XSS', run: visitHostile },
  {
    name: 'a token that is wrong, then the right one',
    async run({ page, token }) {
      await page.getByLabel('Token').fill('not-the-right-token');
      await page.getByRole('button', { name: 'Unlock' }).click();
      await page.getByText('that is not it').waitFor();
      await page.getByLabel('Token').fill(token);
      await page.keyboard.press('Enter');
      await page.getByText('may change things').waitFor();
    },
  },
  { name: 'rules, with a preview that is true', run: visitPreview },
  { name: 'a rule that shows in the traffic', run: visitRule },
  { name: 'try a call', run: visitTry },
  { name: 'keys alone', run: visitByKeys },
  {
    name: 'dark',
    async run({ page }) {
      await page.emulateMedia({ colorScheme: 'dark' });
      await go(page, 'Services');
      await cell(page, 'shop').first().click();
      await page.getByRole('heading', { name: 'shop', level: 1 }).waitFor();
      assert.notEqual(
        await page.evaluate<string>(`getComputedStyle(document.body).backgroundColor`),
        'rgb(255, 255, 255)',
      );
      await page.waitForTimeout(1_200);
    },
  },
  {
    name: 'a narrow window',
    async run({ page }) {
      await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
      await page.setViewportSize({ width: 340, height: 700 });
      for (const name of ['Services', 'Instances', 'Callers', 'Rules', 'Try a call', 'Map']) {
        await go(page, name);
        const over = await page.evaluate<number>(`document.documentElement.scrollWidth - innerWidth`);
        assert.ok(over <= 1, `${name} is ${over} px too wide`);
      }
      assert.ok(await cell(page, 'checkout').first().isVisible());
      assert.ok(!(await page.locator('.map').isVisible()));
    },
  },
  {
    name: 'narrow rules',
    async run({ page }) {
      await go(page, 'Rules');
      await page.getByLabel('Service').selectOption('shop');
      await page.getByLabel('The document as JSON').waitFor();
    },
  },
  { name: 'drain', run: visitDrain },
  {
    name: 'a registry that is away',
    async run({ page, town }) {
      await town.etcd.kill('SIGKILL');
      await page.getByText(/The registry cannot be asked/).waitFor({ timeout: 30_000 });
      // What is known stays.
      await go(page, 'Map');
      assert.ok(await cell(page, 'checkout').first().isVisible());
    },
  },
];

async function visitAvoided({ page, town }: VisitTools): Promise<void> {
  const key = '/rpc/default/services/stock/ghost';
  await town.etcd.ctl('put', key, '{"host":"127.0.0.1","port":1}');
  await go(page, 'Instances');
  await cell(page, 'ghost').first().click({ timeout: WAIT_MS });
  await page.getByRole('heading', { name: 'ghost', level: 1 }).waitFor();
  for (const client of ['checkout', 'gateway']) {
    const row = page.locator('tr', { hasText: client });
    await row.getByText('goes elsewhere').waitFor({ timeout: WAIT_MS });
    await row.getByText(/no connection: .*ECONNREFUSED/).waitFor({ timeout: WAIT_MS });
  }
  await town.etcd.ctl('del', key);
  await page.getByText('ghost is not registered any more').waitFor({ timeout: WAIT_MS });
}

async function visitHostile({ page, town }: VisitTools): Promise<void> {
  for (const [index, name] of HOSTILE.entries()) {
    const key = `/rpc/default/services/${encodeURIComponent(name)}/${encodeURIComponent(`${name}-${index}`)}`;
    await town.etcd.ctl(
      'put',
      key,
      JSON.stringify({ host: '127.0.0.1', port: 1, zone: name, version: name, tags: { [name]: name } }),
    );
  }
  for (const [name, shown] of HOSTILE.map((each) => [each, each.replace('\u202e', '\\u202e')])) {
    await go(page, 'Services');
    await cell(page, shown!).first().waitFor({ timeout: WAIT_MS });
    await cell(page, shown!).first().click();
    await page.getByRole('heading', { name: shown!, level: 1 }).waitFor();
    for (const where of ['Rules', 'Try a call']) {
      await go(page, where);
      await page.getByLabel('Service').selectOption(name!);
      await page.waitForTimeout(300);
    }
  }
  await go(page, 'Instances');
  await go(page, 'Map');
  await page.locator('svg text', { hasText: 'shop\\u202egpj' }).first().waitFor();
  assert.equal(await page.evaluate('typeof hacked'), 'undefined');
  assert.equal(await page.locator('main img, main script').count(), 0);
  for (const [index, name] of HOSTILE.entries())
    await town.etcd.ctl(
      'del',
      `/rpc/default/services/${encodeURIComponent(name)}/${encodeURIComponent(`${name}-${index}`)}`,
    );
  await page.locator('svg text', { hasText: 'gpj' }).first().waitFor({ state: 'detached', timeout: WAIT_MS });
}

async function visitPreview({ page, town }: VisitTools): Promise<void> {
  await page.waitForTimeout(4_000);
  // So that all that was counted has been told.
  town.quiet();
  await page.waitForTimeout(4_000);
  await go(page, 'Rules');
  await page.getByLabel('Service').selectOption('shop');
  const text = page.getByLabel('The document as JSON');
  await text.fill('{"schemaVersion": 1, "timeout": {"mode": "onn"}}');
  await page.getByText(/^Not valid: the document: timeout\.mode must be/).waitFor({ timeout: WAIT_MS });
  await text.fill('{"schemaVersion": 1, "timeout": {"mode": "on", "methods": {"find": {"timeoutMs": 40}}}}');
  const row = page.locator('tr', { hasText: 'timeout on' });
  await row.waitFor({ timeout: WAIT_MS });
  const shown = Number((await row.locator('td').nth(1).innerText()).replace(/ .*/, '').replaceAll(',', ''));
  const truth = town.slower(40);
  assert.ok(Math.abs(shown / truth - 1) <= 0.02, `${shown} shown, ${truth} were slower`);
  await text.fill(
    '{"schemaVersion": 1, "rateLimit": {"mode": "dark", "perSecond": 20}, "ejection": {"mode": "dark", "consecutive": 5}}',
  );
  await page
    .locator('tr', { hasText: 'rateLimit dark' })
    .getByText(/calls beyond the rate/)
    .waitFor({ timeout: WAIT_MS });
  const unknown = page.locator('tr', { hasText: 'ejection dark' });
  assert.match(await unknown.innerText(), /\?\s+not counted: only clients see/);
  town.traffic();
}

async function visitRule({ page, town }: VisitTools): Promise<void> {
  const text = page.getByLabel('The document as JSON');
  await text.fill(
    `{"schemaVersion": 1, "comment": "away with it", "weight": {"mode": "on", "endpoints": {"${SLOW}": 0}}}`,
  );
  await page.getByText(/would weigh otherwise/).waitFor({ timeout: WAIT_MS });
  await page.getByRole('button', { name: 'Set rules' }).click();
  await page.getByRole('button', { name: 'Yes, for all clients' }).click();
  await page.getByText('version 1 is set').waitFor();
  for (const client of ['checkout', 'gateway'])
    await page
      .locator('tr', { hasText: client })
      .filter({ hasText: 'applied' })
      .getByText(`weight: ${SLOW} 0, in force (on)`)
      .waitFor({ timeout: WAIT_MS });
  // No rule is for servers, so none of them is to have it; and what is set already changes nothing.
  await page.getByText('3 servers left out: none of these rules is for servers.').waitFor();
  await page
    .locator('tr', { hasText: 'weight on' })
    .getByText('setting it changes nothing')
    .waitFor({ timeout: WAIT_MS });
  const did = page.getByRole('region', { name: 'What the rules in force did' });
  await did.getByText(new RegExp(`^of [\\d,]+ calls ${SLOW} got \\d`)).waitFor({ timeout: WAIT_MS });
  const rests = async () => {
    const before = town.begun.get(SLOW)!;
    await page.waitForTimeout(1_500);
    return town.begun.get(SLOW)! === before;
  };
  assert.ok(await rests(), 'the slow one still gets calls');
  await text.fill('{"schemaVersion": 1, "comment": "as it was"}');
  await page.getByText('Valid.').waitFor();
  await page.getByRole('button', { name: 'Set rules' }).click();
  await page.getByRole('button', { name: 'Yes, for all clients' }).click();
  await page.getByText('version 2 is set').waitFor();
  await page.waitForTimeout(1_000);
  assert.ok(!(await rests()), 'the slow one gets no calls again');
  await page.getByRole('button', { name: 'Back to 1' }).click();
  await page.getByRole('button', { name: 'Yes, for all clients' }).click();
  await page.getByText('Version 3 is in force.').waitFor({ timeout: WAIT_MS });
  await page.waitForTimeout(1_000);
  assert.ok(await rests(), 'rolled back, and the slow one still gets calls');
}

async function visitTry({ page }: VisitTools): Promise<void> {
  await go(page, 'Try a call');
  await page.getByLabel('Service').selectOption('shop');
  await page.getByLabel('Method').selectOption('find');
  assert.equal((await page.getByLabel('Arguments, a JSON array').inputValue()).replace(/\s/g, ''), '[""]');
  await page.getByLabel('Arguments, a JSON array').fill('["green tea"]');
  await page.getByRole('button', { name: 'Call' }).click();
  await page.getByText("{ id: 'green tea', price: 7 }").waitFor({ timeout: WAIT_MS });
  await page.getByLabel('Arguments, a JSON array').fill('[7]');
  await page.getByRole('button', { name: 'Call' }).click();
  await page.getByText(/INVALID_ARGUMENT/).waitFor({ timeout: WAIT_MS });
  await page.getByLabel('Method').selectOption('watch');
  await page.getByRole('button', { name: 'Call' }).click();
  const items = page.getByRole('region', { name: 'Items' });
  await become(async () => /\b12\n/.test(await items.innerText()));
  await page.getByRole('button', { name: 'Stop' }).click();
  await items.getByText(/It has stopped; the last \d+ items/).waitFor();
  assert.ok(await page.getByRole('button', { name: 'Stop' }).isDisabled());
  await page.getByLabel('Method').selectOption('price');
  await page.getByLabel('Items to send, each a line of JSON').fill('"tea"\n\nnone');
  await page.getByRole('button', { name: 'Call' }).click();
  await page.getByText(/^line 3 of the items: /).waitFor();
  await page.getByLabel('Items to send, each a line of JSON').fill('"tea"\n"hats"');
  await page.getByRole('button', { name: 'Call' }).click();
  await items.getByText(/hats costs 7/).waitFor({ timeout: WAIT_MS });
  await page.getByText(/answered in .*, 2 items: the stream has ended/).waitFor();
}

/** From the top of the page to a weight that is set, without a mouse. */
async function visitByKeys({ page, fleet }: VisitTools): Promise<void> {
  await page.reload();
  await page.getByText('may change things').waitFor();
  await page.keyboard.press('Tab');
  assert.equal(await focused(page), 'Skip to the content');
  await tabTo(page, 'Instances');
  assert.ok(
    await page.evaluate<boolean>(`getComputedStyle(document.activeElement).outlineStyle !== 'none'`),
    'no mark of the focus',
  );
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Instances', level: 1 }).waitFor();
  assert.equal(await focused(page), 'Instances');
  await tabTo(page, 'shop-1');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'shop-1', level: 1 }).waitFor();
  for (
    let n = 0;
    n < 40 && !(await page.evaluate<boolean>(`document.activeElement?.matches('input[type=number]') ?? false`));
    n++
  )
    await page.keyboard.press('Tab');
  await page.keyboard.type('20');
  await tabTo(page, 'Set weight');
  await page.keyboard.press('Enter');
  await become(async () => (await focused(page)).startsWith('Yes, 20'));
  await page.keyboard.press('Enter');
  await page.getByText(/shop: rules version \d/).waitFor();
  await page.waitForTimeout(500);
  assert.deepEqual(fleet.view().instances.find(({ id }) => id === 'shop-1')!.ruledWeights, { shop: 20, stock: 20 });
}

async function visitDrain({ page, town }: VisitTools): Promise<void> {
  await page.setViewportSize({ width: 1280, height: 860 });
  await go(page, 'Instances');
  await cell(page, 'shop-2').first().click();
  await page.getByRole('button', { name: 'Drain' }).click();
  await page.getByText(/Nothing on this page brings it back.* 2 other instances take its calls of shop/).waitFor();
  await page.getByRole('button', { name: 'Yes, stop it for good' }).click();
  await page
    .getByText(/it drains: it takes no new calls|is not registered any more/)
    .first()
    .waitFor({ timeout: WAIT_MS });
  await page.getByText('shop-2 is not registered any more').waitFor({ timeout: 2 * WAIT_MS });
  assert.notEqual(town.servers.get('shop-2')!.state().status, 'serving');
}

/** Waits until it is so, at most {@link WAIT_MS}. */
async function become(isSo: () => Promise<boolean>): Promise<void> {
  const until = performance.now() + WAIT_MS;
  while (!(await isSo())) {
    assert.ok(performance.now() < until, `it does not become so: ${isSo}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function go(page: Page, name: string): Promise<void> {
  await page.getByRole('navigation').getByRole('link', { name, exact: true }).click();
  await page.getByRole('heading', { name, level: 1, exact: true }).waitFor();
}

function cell(page: Page, text: string) {
  return page.locator('main table').getByText(text, { exact: true });
}

function focused(page: Page): Promise<string> {
  return page.evaluate<string>(`document.activeElement?.textContent?.trim() ?? ''`);
}

async function tabTo(page: Page, text: string): Promise<void> {
  for (let n = 0; n < 60; n++) {
    await page.keyboard.press('Tab');
    if ((await focused(page)) === text) return;
  }
  assert.fail(`no key leads to ${text}`);
}
