import assert from 'node:assert/strict';
import { type GuardedRequest, refuse, type Site } from './request-guard.js';

const TOKEN = 'sixteen-or-more-letters';
const SITE: Site = { hosts: new Set(['127.0.0.1:4380', 'localhost:4380']), token: TOKEN, isPublic: false };

function ask(headers: GuardedRequest['headers'], changes: Partial<GuardedRequest> = {}, site: Partial<Site> = {}) {
  const request = { method: 'GET', headers: { host: '127.0.0.1:4380', ...headers }, changes: false, isAsset: false };
  return refuse({ ...request, ...changes }, { ...SITE, ...site })?.status;
}
const CHANGE = { method: 'POST', changes: true } as const;
const JSON_TYPE = { 'content-type': 'application/json' };

describe('who is answered by the console', () => {
  it('is its own page, and a person who types its address', () => {
    assert.equal(ask({}), undefined);
    assert.equal(ask({ host: 'LocalHost:4380', 'sec-fetch-site': 'none' }), undefined);
    assert.equal(ask({ origin: 'http://127.0.0.1:4380', 'sec-fetch-site': 'same-origin' }), undefined);
  });

  it('is nobody who comes by another name, or from another page', () => {
    for (const host of ['evil.example', 'evil.example:4380', '127.0.0.1', '', undefined])
      assert.equal(ask({ host }), 403);
    assert.equal(ask({ origin: 'http://evil.example' }), 403);
    assert.equal(ask({ origin: 'null' }), 403);
    for (const site of ['cross-site', 'same-site']) assert.equal(ask({ 'sec-fetch-site': site }), 403);
    // Refused even with the right token.
    assert.equal(ask({ origin: 'http://evil.example', authorization: `Bearer ${TOKEN}`, ...JSON_TYPE }, CHANGE), 403);
  });

  it('is whoever changes something only with the token, and as JSON, which no form of another page can send', () => {
    assert.equal(ask(JSON_TYPE, CHANGE), 401);
    assert.equal(ask({ ...JSON_TYPE, authorization: `Bearer ${TOKEN}x` }, CHANGE), 401);
    assert.equal(ask({ ...JSON_TYPE, authorization: `Bearer ${TOKEN}` }, CHANGE), undefined);
    assert.equal(ask({ 'content-type': 'text/plain', authorization: `Bearer ${TOKEN}` }, CHANGE), 415);
    assert.equal(ask({ ...JSON_TYPE, authorization: 'Bearer undefined' }, CHANGE, { token: undefined }), 403);
  });

  it('is nobody without the token where others can reach it, but for the page itself', () => {
    assert.equal(ask({}, {}, { isPublic: true }), 401);
    assert.equal(ask({ authorization: `Bearer ${TOKEN}` }, {}, { isPublic: true }), undefined);
    assert.equal(ask({}, { isAsset: true }, { isPublic: true }), undefined);
  });
});
