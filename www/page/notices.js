import { byId, make } from './element.js';
import { hasText, say, sayAttributes } from './i18n.js';

/** Errors that less work may avoid. */
const TOO_BIG = ['out-of-memory', 'worker-crashed'];

const box = byId('notices', HTMLElement);

/**
 * Says in the reader's language what went wrong, with the detail as it came.
 *
 * @param {unknown} thrown
 * @param {{ key: string, act: () => void }} [lighter] what to try where memory did not suffice
 */
export function showError(thrown, lighter) {
  const error = /** @type {Error & { code?: string }} */ (thrown);
  const key = `error.${error.code}`;
  const notice = showNotice(hasText(key) ? key : 'error.unknown', 'error');
  notice.dataset.code = error.code ?? 'unknown';
  notice.append(make('p', { className: 'detail', lang: 'en', textContent: error.message }));
  if (!lighter || !TOO_BIG.includes(error.code ?? '')) return;
  const button = make('button', { type: 'button' });
  say(button, lighter.key);
  button.addEventListener('click', lighter.act);
  notice.append(button);
}

/**
 * @param {string} key
 * @param {'error' | 'hint'} kind
 * @param {import('./i18n.js').Values} [values]
 */
export function showNotice(key, kind = 'hint', values) {
  const message = make('p', { className: 'message' });
  say(message, key, values);
  const dismiss = make('button', { type: 'button', className: 'dismiss', textContent: '×' });
  sayAttributes(dismiss, 'aria-label:error.dismiss');
  const notice = make('div', { className: `notice ${kind}` }, message, dismiss);
  dismiss.addEventListener('click', () => {
    notice.remove();
    byId('drop', HTMLButtonElement).focus();
  });
  box.append(notice);
  return notice;
}

export function clearNotices() {
  box.replaceChildren();
}
