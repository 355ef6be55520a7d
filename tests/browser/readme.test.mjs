import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

/*
 * README.zh.md says in Chinese what README.md says.
 */

/**
 * @typedef {object} Section
 * @property {number} level of the heading
 * @property {string[]} blocks of code, with their languages, without comments
 * @property {string[]} figures in the tables
 * @property {string[]} code within the text, sorted
 * @property {string[]} links sorted
 */

/** From one README to the other. */
const TO_THE_OTHER = /^README(\.zh)?\.md$/;

/**
 * @param {string} name
 * @returns {Promise<Section[]>}
 */
async function sections(name) {
  const page = await readFile(new URL(`../../${name}`, import.meta.url), 'utf8');
  /** @type {string[]} */
  const codes = [];
  // Set aside first: a comment in a shell begins as a heading does.
  const rest = page.replaceAll(/^```(.*?)^```$/gms, (_, code) => `BLOCK ${codes.push(code.replaceAll(/ *# .*$/gm, '')) - 1}`);
  assert.ok(codes.length > 0, `${name} has no blocks of code`);
  return rest.split(/^(?=#+ )/m).map((text) => ({
    level: /^#+/.exec(text)?.[0].length ?? 0,
    blocks: [...text.matchAll(/^BLOCK (\d+)$/gm)].map(([, number]) => codes[Number(number)]),
    figures: [...text.matchAll(/^\|.*$/gm)].flatMap(([row]) => row.match(/\d+(?:[.,x]\d+)*/g) ?? []),
    code: [...text.matchAll(/`([^`]+)`/g)].map(([, code]) => code.replaceAll(/\s+/g, ' ')).sort(),
    links: [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, link]) => link).filter((link) => !TO_THE_OTHER.test(link)).sort(),
  }));
}

test('both READMEs have the same sections, blocks of code, figures and links', async () => {
  const [english, chinese] = [await sections('README.md'), await sections('README.zh.md')];
  assert.deepEqual(chinese.map(({ level }) => level), english.map(({ level }) => level));
  for (const [i, section] of english.entries()) assert.deepEqual(chinese[i], section, `section ${i + 1}`);
});
