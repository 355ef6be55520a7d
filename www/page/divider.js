const STEP = 2;
const LEAP = 10;

/** @type {{ [key: string]: (position: number) => number }} */
const KEYS = {
  ArrowLeft: (position) => position - STEP,
  ArrowDown: (position) => position - STEP,
  ArrowRight: (position) => position + STEP,
  ArrowUp: (position) => position + STEP,
  PageDown: (position) => position - LEAP,
  PageUp: (position) => position + LEAP,
  Home: () => 0,
  End: () => 100,
};

/**
 * The line between photo (left) and colours (right): dragged, or moved by keys.
 *
 * @param {HTMLElement} picture shows the position as `--divide`
 * @param {HTMLElement} handle
 * @returns {(percent: number) => void} moves the line
 */
export function startDivider(picture, handle) {
  let position = 0;

  /** @param {number} percent of the picture's width */
  function move(percent) {
    position = Math.min(100, Math.max(0, percent));
    picture.style.setProperty('--divide', `${position}%`);
    handle.setAttribute('aria-valuenow', String(Math.round(position)));
  }

  handle.addEventListener('keydown', (event) => {
    const step = KEYS[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    move(step(position));
  });
  handle.addEventListener('pointerdown', (event) => {
    event.preventDefault();
    handle.focus({ preventScroll: true });
    handle.setPointerCapture(event.pointerId);
  });
  handle.addEventListener('pointermove', (event) => {
    if (!handle.hasPointerCapture(event.pointerId)) return;
    const { left, width } = picture.getBoundingClientRect();
    move(((event.clientX - left) / width) * 100);
  });
  move(position);
  return move;
}
