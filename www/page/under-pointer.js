/**
 * Tells the class under the pointer, beside it.
 *
 * @param {HTMLElement} picture
 * @param {HTMLElement} bubble
 * @param {(x: number, y: number) => { name: string, color: string } | null} classAt of a place, 0 to 1 each way
 */
export function startUnderPointer(picture, bubble, classAt) {
  const dot = /** @type {HTMLElement} */ (bubble.querySelector('.dot'));
  const name = /** @type {HTMLElement} */ (bubble.querySelector('.name'));

  /** @param {PointerEvent} event */
  function tell(event) {
    const { left, top, width, height } = picture.getBoundingClientRect();
    const [x, y] = [(event.clientX - left) / width, (event.clientY - top) / height];
    const inside = x >= 0 && x < 1 && y >= 0 && y < 1;
    const found = inside ? classAt(x, y) : null;
    bubble.hidden = !found;
    if (!found) return;
    name.textContent = found.name;
    dot.style.backgroundColor = found.color;
    bubble.classList.toggle('is-left', x > 0.6);
    bubble.style.translate = `${event.clientX - left}px ${event.clientY - top}px`;
  }

  picture.addEventListener('pointermove', tell);
  picture.addEventListener('pointerdown', tell);
  picture.addEventListener('pointerleave', () => (bubble.hidden = true));
}
