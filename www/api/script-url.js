/**
 * @typedef {{ createScriptURL(url: string): string }} Policy
 * @typedef {{ createPolicy(name: string, rules: Policy): Policy }} TrustedTypes
 */

/** @type {Policy | undefined} A policy name may be taken only once in a realm. */
let policy;

/** @returns {Policy} */
function bodymapPolicy() {
  const { trustedTypes } = /** @type {{ trustedTypes?: TrustedTypes }} */ (/** @type {unknown} */ (globalThis));
  const rules = { createScriptURL: sameOrigin };
  try {
    return trustedTypes?.createPolicy('bodymap', rules) ?? rules;
  } catch {
    // The embedding page's CSP does not list our policy; its default policy then decides.
    return rules;
  }
}

/** @param {string} url */
function sameOrigin(url) {
  if (new URL(url).origin !== globalThis.location.origin) throw new TypeError(`${url} is of another origin`);
  return url;
}

/**
 * A same-origin script address as `new Worker` and `register` want it where Trusted Types are required.
 *
 * @param {URL} url
 * @returns {string}
 */
export function scriptUrl(url) {
  policy ??= bodymapPolicy();
  return policy.createScriptURL(url.href);
}
