"""Clothes in other colours and patterns: what a garment is lies in its shape, not in its usual colour."""
import cv2
import numpy as np

from label_codes import CODE

GARMENTS = [CODE[name] for name in ('hat', 'gloves', 'upper-clothes', 'dress', 'coat', 'socks', 'pants',
                                    'scarf', 'skirt', 'suit')]
SHOES = [CODE['left-shoe'], CODE['right-shoe'], CODE['shoe']]
CHANGED = 0.7     # how often a garment of a crop that is altered is changed
PATTERNED = 0.25  # how often what is changed gets a pattern


def recolour(rng, photo, codes):
    """RGB uint8 [H, W, 3] with each kind of garment of `codes` [H/2, W/2] in a colour of its own."""
    height, width = photo.shape[:2]
    present = np.bincount(codes.ravel(), minlength=256)
    groups = [[code] for code in GARMENTS] + [SHOES]
    x = photo.astype(np.float32)
    for group in groups:
        if present[group].sum() < 20 or rng.random() > CHANGED:
            continue
        mask = np.isin(codes, group).astype(np.uint8)
        left, top, w, h = cv2.boundingRect(mask)
        left, top, w, h = max(left - 2, 0) * 2, max(top - 2, 0) * 2, 2 * w + 8, 2 * h + 8
        area = np.s_[top:top + h, left:left + w]
        alpha = cv2.resize(mask[top // 2:(top + h) // 2, left // 2:(left + w) // 2].astype(np.float32),
                           x[area].shape[1::-1])
        alpha = cv2.GaussianBlur(alpha, (0, 0), 0.8)[..., None]
        x[area] += alpha * (dyed(rng, x[area], alpha) - x[area])
    return np.clip(x, 0, 255).astype(np.uint8)


def dyed(rng, cloth, alpha):
    """float32 [h, w, 3] of the cloth in another tone and colour, folds kept; `alpha` weighs its pixels."""
    weight = alpha / max(float(alpha.sum()), 1e-3)
    luma = cloth @ np.array([0.299, 0.587, 0.114], np.float32)
    mean = float((luma * weight[..., 0]).sum())
    chroma = cloth - luma[..., None]
    # Folds are shadows, so they scale with the tone; dark cloth hides them, which cannot be undone.
    tone = rng.uniform(25, 225) if rng.random() < 0.6 else mean
    folds = (luma - mean) * np.clip(tone / max(mean, 40.0), 0.4, 1.8)
    kind = rng.random()
    if kind < 0.45:     # another hue
        hue, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0, 70) * rng.random()
        axis = np.array([np.cos(hue), np.cos(hue - 2.094), np.cos(hue + 2.094)], np.float32)
        chroma = chroma * rng.uniform(0, 0.6) + axis * strength
    elif kind < 0.75:   # its hues turned: prints stay prints
        chroma = chroma @ hue_turn(rng.uniform(0, 2 * np.pi)) * rng.uniform(0.5, 1.4)
    out = tone + folds
    if rng.random() < PATTERNED:
        out = out + pattern(rng, *luma.shape) * rng.uniform(10, 60)
    return out[..., None] + chroma


def hue_turn(angle):
    """float32 [3, 3]: a turn about the grey axis of RGB."""
    cosine, sine = np.cos(angle), np.sin(angle) / np.sqrt(3)
    skew = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) * sine
    return (cosine * np.eye(3) + (1 - cosine) / 3 + skew).astype(np.float32)


def pattern(rng, height, width):
    """float32 [H, W] in -1..1: stripes, checks, dots or blotches."""
    period, angle = np.exp(rng.uniform(np.log(4), np.log(40))), rng.uniform(0, np.pi)
    ys, xs = np.mgrid[:height, :width].astype(np.float32) * np.float32(2 * np.pi / period)
    along, across = xs * np.cos(angle) + ys * np.sin(angle), ys * np.cos(angle) - xs * np.sin(angle)
    kind = rng.integers(4)
    if kind == 0:
        return np.sign(np.sin(along))
    if kind == 1:
        return (np.sign(np.sin(along)) + np.sign(np.sin(across))) / 2
    if kind == 2:
        return np.where(np.sin(along) * np.sin(across) > 0.6, 1, -0.2).astype(np.float32)
    noise = rng.normal(0, 1, (max(int(height / period * 2), 2), max(int(width / period * 2), 2)))
    noise = cv2.resize(noise.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(noise, -1, 1)
