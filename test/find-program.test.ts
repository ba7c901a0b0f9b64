import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const SCRIPTS = fileURLToPath(new URL('../scripts/', import.meta.url));

function ensure(
  script: string,
  environment: NodeJS.ProcessEnv,
): { status: number | null; stdout: string; stderr: string } {
  const env = { ...process.env, ...environment };
  return spawnSync(process.execPath, [`${SCRIPTS}${script}`, 'ensure'], { env, encoding: 'utf8' });
}

describe('finding the programs that tests need', function () {
  this.timeout(20_000);

  it('takes what the variables name', () => {
    const { status, stdout } = ensure('etcd.mjs', { ETCD_BIN: process.execPath });
    assert.deepEqual([status, stdout], [0, `${process.execPath}\n`]);
  });

  it('says what is wrong with them, and what to install', () => {
    const { status, stderr } = ensure('neovim.mjs', { NVIM_BIN: '/nowhere/nvim', PYTHON_BIN: process.execPath });
    assert.equal(status, 1);
    assert.match(stderr, /NVIM_BIN is \/nowhere\/nvim, which is no executable file\.\nInstall Neovim/);
    assert.match(stderr, /PYTHON_BIN is .*, which is not usable\.\nInstall the Python package pynvim/);
    assert.match(stderr, /apt-get install python3-pynvim/);
  });
});
