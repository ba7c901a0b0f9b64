// For `require`. Node.js loads ES modules that way itself; where a test runner has put its own loader in the place of Node's, as Jest
// does, Node's is asked for, and what it loads is shared by all tests of the process.
try {
  module.exports = require('./dist/index.js');
} catch (error) {
  if (error.code !== 'ERR_REQUIRE_ESM') throw error;
  const { getBuiltinModule } = require('node:vm').runInThisContext('process');
  module.exports = getBuiltinModule('node:module').createRequire(__filename)('./dist/index.js');
}
