import { byId } from './element.js';
import { say } from './i18n.js';

/** @typedef {import('../bodymap.js').Progress} Progress */

/** Bar, share and name of the stage that the work is at. */
export class ProgressView {
  #name = byId('stage-name', HTMLElement);
  #share = byId('stage-share', HTMLElement);
  #bar = byId('bar', HTMLProgressElement);
  #announcement = byId('announcement', HTMLElement);
  #stage = '';

  /** @param {() => void} onCancel */
  constructor(onCancel) {
    byId('cancel', HTMLButtonElement).addEventListener('click', onCancel);
  }

  /** @param {Progress} progress */
  show({ stage, fraction }) {
    if (stage !== this.#stage) {
      this.#stage = stage;
      say(this.#name, `stage.${stage}`);
      say(this.#announcement, `stage.${stage}`);
    }
    // How much of it is done is known of the long stages only.
    if (stage === 'model' || stage === 'inference') {
      this.#bar.value = fraction;
      say(this.#share, 'stage.share', { percent: Math.round(100 * fraction) });
    } else {
      this.#bar.removeAttribute('value');
      say(this.#share, 'stage.unknown');
    }
  }

  /** Says what a screen reader should hear at the end. */
  announce(/** @type {string} */ key, /** @type {import('./i18n.js').Values} */ values = {}) {
    this.#stage = '';
    say(this.#announcement, key, values);
  }
}
