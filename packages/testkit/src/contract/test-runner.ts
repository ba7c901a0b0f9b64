/** What a contract suite needs of the test runner: mocha has both as globals, and so have others of its kind. */
export interface TestRunner {
  describe(title: string, body: () => void): void;
  it(title: string, run: () => Promise<void> | void): void;
}

/**
 * The `describe` and `it` of the runner that loaded this file, looked up when a suite is declared, so that the rest of the
 * test kit can be used without one.
 *
 * @throws TypeError when there are none
 */
export function testRunner(): TestRunner {
  const { describe, it } = globalThis as Partial<TestRunner>;
  if (describe === undefined || it === undefined) {
    throw new TypeError('no global describe() and it(): a contract suite is declared in a test file run by mocha');
  }
  return { describe, it };
}
