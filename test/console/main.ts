// npm run console:browser: the page of the console in a real Chromium, over a real etcd, three servers and their traffic. Every view, an edit of
// a rule that then shows in the traffic, names that are attempts at XSS, keys alone, a narrow window. `-- --shots FOLDER` keeps the pictures.
import { mkdirSync } from 'node:fs';
import { etcd } from '@org/rpc';
import { openFleet, serveConsole } from '@org/rpc-console';
import { systemClock, systemRandom } from '@org/rpc-core';
import { chromium } from 'playwright-core';
import { findChromium } from './find-chromium.js';
import { inspectPage } from './inspect-page.js';
import { OPERATOR_TOKEN, startTown } from './town.js';
import { VISITS } from './visits.js';

const TOKEN = 'the-token-of-the-console';
const at = process.argv.indexOf('--shots');
const shots = at < 0 ? undefined : process.argv[at + 1];
if (shots !== undefined) mkdirSync(shots, { recursive: true });

const binary = findChromium();
const town = await startTown();
const registry = etcd({ hosts: [town.etcd.url] });
const options = { registry, namespace: 'default', clock: systemClock, random: systemRandom };
const fleet = openFleet({ ...options, operatorToken: OPERATOR_TOKEN });
const served = await serveConsole(fleet, { port: 0, token: TOKEN });
const browser = await chromium.launch({ executablePath: binary, args: ['--no-sandbox'] });
let failures = 0;
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  // A request that is refused is told there too; what comes of it is what the visits look at.
  page.on('console', (told) => {
    if (told.type() === 'error' && !/responded with a status of/.test(told.text())) complaints.push(told.text());
  });
  while (!fleet.isSettled || fleet.instances.size < 3) await page.waitForTimeout(50);
  town.traffic();
  for (const { name, run } of VISITS) {
    const began = systemClock.now();
    try {
      await run({ page, url: served.url, town, fleet, token: TOKEN });
      const found = [...complaints.splice(0), ...(await inspectPage(page))];
      if (found.length > 0) throw new Error(found.slice(0, 5).join('\n     '));
      console.log(`ok   ${name} (${Math.round(systemClock.now() - began)} ms)`);
    } catch (error) {
      failures++;
      console.log(`FAIL ${name}\n     ${(error as Error).message}`);
    }
    if (shots !== undefined)
      await page.screenshot({ path: `${shots}/${name.replaceAll(/\W+/g, '-')}.png`, fullPage: true });
  }
} finally {
  await browser.close();
  await served.close();
  await fleet.close();
  await town.close();
}
console.log(`${VISITS.length - failures} passed, ${failures} failed`);
process.exitCode = failures === 0 ? 0 : 1;
