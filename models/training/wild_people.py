"""Which person each pixel of a photograph belongs to, from boxes drawn by people and our own network's votes.

Everything is on a grid of cells of STEP photo pixels. Boxes say how many there are and where; where they
overlap, the way from a pixel to the middle of its person decides. Where two answers differ, it stays open.
"""
import numpy as np
from scipy import ndimage

STEP = 4
UNKNOWN = 255
MIN_MIDDLE, APART = 0.3, 7      # of a person's middle: how sure, cells between two
WIDENED = 0.03                  # of a box, on each side
# A box is a group's if it holds two others by so much of each, or several heads like the largest one in it.
HELD, LIKE_LARGEST, SMALLEST_HEAD = 0.8, 0.4, 12
SMALLEST_PART = 0.05            # of the largest person, without boxes; less is a part of another one
SAME_AS_BOX = 0.5


def peaks(middles):
    """float [N, 2]: x and y, photo pixels, of the middles in float [h, w]."""
    middles = np.float32(middles)
    top = (ndimage.maximum_filter(middles, APART) == middles) & (middles > MIN_MIDDLE)
    ys, xs = np.nonzero(top)
    return np.stack([xs, ys], 1) * float(STEP) + STEP / 2


def targets(votes):
    """float [h, w, 2]: where each cell's vote ends, photo pixels."""
    height, width = votes.shape[1:]
    ys, xs = np.mgrid[:height, :width] * float(STEP) + STEP / 2
    return np.stack([xs + votes[0], ys + votes[1]], 2)


def clusters(mask, middles, votes):
    """int [h, w]: number of the middle that each cell of the mask votes for, else -1; and the middles."""
    found = peaks(middles)
    result = np.full(mask.shape, -1)
    if len(found) and mask.any():
        ends = targets(votes)[mask]
        result[mask] = ((ends[:, None] - found[None]) ** 2).sum(2).argmin(1)
    return result, found


def single_boxes(boxes):
    """The boxes x0, y0, x1, y1 that hold no two others."""
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    held = [[j != i and areas[j] < 0.8 * areas[i] and shared(boxes[i], boxes[j]) > HELD * areas[j]
             for j in range(len(boxes))] for i in range(len(boxes))]
    return boxes[[sum(others) < 2 for others in held]]


def shared(a, b):
    return np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None).prod()


def within(boxes, shape):
    """bool [N, h, w]: cells in each box, a little widened."""
    height, width = shape
    xs, ys = np.arange(width) * STEP + STEP / 2, np.arange(height) * STEP + STEP / 2
    x0, y0, x1, y1 = boxes.T
    dx, dy = WIDENED * (x1 - x0), WIDENED * (y1 - y0)
    columns = (xs >= (x0 - dx)[:, None]) & (xs <= (x1 + dx)[:, None])
    rows = (ys >= (y0 - dy)[:, None]) & (ys <= (y1 + dy)[:, None])
    return rows[:, :, None] & columns[:, None, :]


def groups(inside, heads):
    """bool [N]: which boxes hold several heads of about one size that no other box holds.

    inside  bool [N, h, w], cells in each box; heads bool [h, w]
    """
    labelled, count = ndimage.label(heads)
    if not count or not len(inside):
        return np.zeros(len(inside), bool)
    numbers = np.arange(1, count + 1)
    sizes = ndimage.sum(heads, labelled, numbers)
    rows, columns = np.round(ndimage.center_of_mass(heads, labelled, numbers)).astype(int).T
    held = inside[:, rows, columns]                       # [N, heads]
    own = np.where(held & (held.sum(0) == 1), sizes, 0)
    return (own > LIKE_LARGEST * np.maximum(own.max(1, keepdims=True), SMALLEST_HEAD)).sum(1) > 1


def from_boxes(mask, boxes, own, votes):
    """int [h, w]: index of the box each cell of the mask lies in, -1 for none, -2 where it cannot be told."""
    inside = within(boxes, mask.shape)
    boxed = np.full(mask.shape, -1)
    number = inside.sum(0)
    boxed[mask & (number == 1)] = inside.argmax(0)[mask & (number == 1)]
    several = mask & (number > 1)
    if several.any():
        middle, size = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
        ends = targets(votes)[several]
        far = np.abs((ends[:, None] - middle) / size).max(2)
        far[~inside[:, several].T] = np.inf
        chosen = far.argmin(1)
        # What our own network takes for one person should be one box's.
        of_cluster = {k: np.bincount(boxed[(own == k) & (boxed >= 0)], minlength=len(boxes)).argmax()
                      for k in np.unique(own[several]) if k >= 0 and ((own == k) & (boxed >= 0)).any()}
        expected = np.array([of_cluster.get(k, -1) for k in own[several]])
        boxed[several] = np.where((expected == chosen) | (expected < 0), chosen, -2)
    return boxed


def person_ids(mask, boxes, middles, votes, own_person, heads):
    """uint8 [h, w]: number of the person from 1 on, 0 beside the mask, UNKNOWN where it cannot be told.

    mask        bool [h, w], anybody
    boxes       float [N, 4] of x0, y0, x1, y1, photo pixels, or none
    middles     float [h, w]; votes float [2, h, w]; own_person bool [h, w]: our own network's answer
    heads       bool [h, w], where heads are
    """
    own, _ = clusters(mask, middles, votes)
    own[(own >= 0) & ~own_person] = -1      # its votes mean nothing there
    boxes = single_boxes(boxes) if len(boxes) else boxes
    if len(boxes):
        boxes = boxes[~groups(within(boxes, mask.shape), heads)]
    found = np.full(mask.shape, -2)
    if len(boxes):
        found = from_boxes(mask, boxes, own, votes)
        found[(found == -1)] = -2
    next_number = len(boxes)
    for k in np.unique(own[own >= 0]):
        mine, free = own == k, (own == k) & (found == -2)
        boxed = found[mine & (found >= 0)]
        if len(boxed) > SAME_AS_BOX * mine.sum():
            if not is_in_several(boxed):
                continue                      # beyond its box: nobody knows
        elif free.any() and len(boxed) < 0.2 * mine.sum():
            found[free] = next_number
            next_number += 1
    if not len(boxes):
        merge_small(found)
    ids = np.zeros(mask.shape, np.uint8)
    numbers = [n for n in np.unique(found[mask]) if n >= 0]
    for index, number in enumerate(numbers[:UNKNOWN - 1], 1):
        ids[mask & (found == number)] = index
    ids[mask & (found == -2)] = UNKNOWN
    return ids


def is_in_several(boxed):
    return len(boxed) and np.bincount(boxed).max() < SAME_AS_BOX * len(boxed)


def merge_small(found):
    """Marks as unknown what is too small a part beside the largest person."""
    sizes = np.bincount(found[found >= 0]) if (found >= 0).any() else np.zeros(0, int)
    for number in np.flatnonzero(sizes):
        if sizes[number] < SMALLEST_PART * sizes.max():
            found[found == number] = -2
