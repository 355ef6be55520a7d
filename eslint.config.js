import js from '@eslint/js';
import globals from 'globals';

export default [
  { ignores: ['dist/', 'target/', 'docs/', 'tests/browser/out/'] },
  js.configs.recommended,
  {
    rules: {
      eqeqeq: 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      'no-shadow': 'error',
      'no-restricted-properties': ['error', { property: 'innerHTML' }, { property: 'outerHTML' }],
    },
  },
  { files: ['www/**/*.js'], languageOptions: { globals: globals.browser } },
  { files: ['www/worker.js', 'www/worker/*.js', 'www/pool*.js'], languageOptions: { globals: globals.worker } },
  { files: ['www/sw.js'], languageOptions: { globals: globals.serviceworker, sourceType: 'script' } },
  { files: ['scripts/bench-page/page.js'], languageOptions: { globals: globals.browser } },
  { files: ['scripts/bench-page/networks.js', 'scripts/bench-page/engine-worker.js'], languageOptions: { globals: globals.worker } },
  {
    files: ['tests/browser/*.mjs', 'scripts/bench-page/*.mjs'],
    languageOptions: { globals: { ...globals.node, ...globals.browser } },
  },
];
