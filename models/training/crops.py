"""Random training crops: class-balanced, from small figures to close-ups. light.py changes their light later.

A crop is RGB uint8 [H, W, 3]; codes, people and the data set's names uint8 [H/2, W/2]; and which names are
worn. Scale 1 is the own size of the data set's photographs, in which a figure is about 700 px tall and a head
about 95 px; others are seen as large as the program sees them beside these.
"""
import cv2
import numpy as np

from garment_colours import recolour
from garment_transplant import Transplant
from label_codes import BAG_NAMES, CLASS, CODE, IGNORE, UNKNOWN_NAME, mirror_table
from packed_photographs import NAMES, Packed, pasted, warp
from packing import UNKNOWN_PERSON
from procedural_backdrops import backdrop

# Classes to look for on purpose, with how often; the rest comes along in any photograph.
SOUGHT = {'hat': 1.2, 'gloves': 0.5, 'sunglasses': 1.1, 'scarf': 2.0, 'socks': 1.5, 'skirt': 1.0,
          'dress': 2.4, 'coat': 1.0, 'suit': 0.7, 'upper-clothes': 0.5}
SEEK = 0.40
MIN_SOUGHT_PIXELS = 200
# How often one with a label map is taken, of the photographs of the data set.
LABELLED = 0.55
# How often clothes get other colours.
RECOLOURED = 0.5
# (probability, smallest scale, largest scale); scales are drawn log-uniformly.
FIGURE, CLOSE_UP, GROUP = (0.56, 0.40, 0.80), (0.14, 0.80, 2.2), (0.30, 0.25, 0.65)
MOST_PEOPLE = 5
# Of the maps of people: input pixels a cell covers, and cells that make a person.
CELL, MIN_PERSON = 4, 12
LARGEST_WITHOUT_HEAD = 1.8    # closer, a piece of cloth says nothing of what it is worn as
# A crop that shows so much of the figure shows all that is worn; else, what is named in so many pixels of
# the map at half the size.
WHOLE_FIGURE, MIN_NAMED = 0.9, 40
WORN_NOT, WORN, WORN_UNKNOWN = 0, 1, -1
UPPER_BODY = [CLASS[c] for c in ('face', 'hair', 'hat', 'upper-clothes', 'coat', 'sunglasses', 'scarf',
                                 'torso-skin')]
BACKDROP = 0.10
COMPRESSED = 0.15


class Dataset:
    """Packed photographs: those of the data set with label maps; if given, those with tags, and others.

    wild  (folder, how often a photograph of it is taken), any number
    """

    def __init__(self, labelled, tagged=None, wild=()):
        of_data_set = 1 - sum(share for _, share in wild)
        shares = [(labelled, of_data_set * (LABELLED if tagged else 1)),
                  *([(tagged, of_data_set * (1 - LABELLED))] if tagged else []), *wild]
        self.folders = [Packed(folder) for folder, _ in shares]
        self.shares = np.array([share for _, share in shares])
        self.sought = np.array([CODE[name] for name in SOUGHT])
        self.sought_probability = np.array(list(SOUGHT.values())) / sum(SOUGHT.values())
        self.holders = [{code: folder.holders(code, MIN_SOUGHT_PIXELS) for code in self.sought}
                        for folder in self.folders]
        self.transplant = Transplant(self.folders)

    def draw(self, rng):
        """A photograph (folder, number) and the code looked for in it, or None."""
        which = int(rng.choice(len(self.folders), p=self.shares))
        folder = self.folders[which]
        if rng.random() < SEEK:
            sought = int(rng.choice(self.sought, p=self.sought_probability))
            holders = self.holders[which][sought]
            if len(holders):
                return folder, int(holders[rng.integers(len(holders))]), sought
        return folder, int(rng.integers(len(folder.index))), None


def log_uniform(rng, low, high):
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def random_pixel(rng, mask):
    """x, y of a random set pixel of bool [H, W], or None."""
    found = np.flatnonzero(mask)
    if not len(found):
        return None
    y, x = divmod(int(found[rng.integers(len(found))]), mask.shape[1])
    return np.array([x, y], np.float64)


def cut(rng, data, size, mode, scale=None, spread=0.7):
    """One photograph's crop of `size` (height, width) at a scale of the `mode` (probability, low, high).

    Photo, codes, names, people, bool [NAMES] of what may be worn in the photograph, and how much of the
    figure is seen.
    """
    height, width = size
    folder, number, sought = data.draw(rng)
    codes = folder.labels(number)[..., 0]
    scale = scale or log_uniform(rng, *mode[1:])
    coarse = codes[::4, ::4]
    focus = None
    if mode is CLOSE_UP:
        if sought is None or rng.random() < 0.6:
            wanted = np.isin(coarse, [CLASS['face'], CLASS['hair']] if rng.random() < 0.6 else UPPER_BODY)
        else:
            wanted = coarse == sought
            scale = min(scale, log_uniform(rng, mode[1], LARGEST_WITHOUT_HEAD))
        focus = random_pixel(rng, wanted)
    elif sought is not None and rng.random() < 0.6:
        focus = random_pixel(rng, coarse == sought)
    if focus is None:
        focus = random_pixel(rng, coarse != 0) if rng.random() < 0.85 else None
    if focus is None:
        focus = np.array([rng.uniform(0, coarse.shape[1]), rng.uniform(0, coarse.shape[0])])
    scale *= folder.units[number]
    focus = focus * 4 + rng.uniform(-0.5, 0.5, 2) * spread * np.array([width, height]) / scale
    # Where the crop fits into the photograph, keep it inside: real edges cut people as crops do.
    reach = np.array([width, height]) / scale / 2
    extent = np.array(codes.shape[::-1], np.float64)
    if mode is not GROUP and rng.random() < 0.9:
        within = np.clip(focus, reach, np.maximum(extent - reach, reach))
        focus = np.where(reach * 2 < extent, within, extent / 2)
    angle = np.deg2rad(rng.uniform(-10, 10) if rng.random() < 0.9 else rng.uniform(-35, 35))
    stretch = np.exp(rng.uniform(-0.08, 0.08))
    cosine, sine = np.cos(angle) / scale, np.sin(angle) / scale
    to_photo = np.array([[cosine * stretch, -sine], [sine * stretch, cosine]])
    mirrored = rng.random() < 0.5
    if mirrored:
        to_photo[:, 0] *= -1
    origin = focus - to_photo @ np.array([width / 2, height / 2])
    # Grey like the padding at inference, or the photograph mirrored at its edges.
    filled = rng.random() < 0.7
    photo, labels, names, people = folder.cut(number, to_photo, origin, size,
                                              cv2.BORDER_REFLECT if filled else cv2.BORDER_CONSTANT)
    figure_pixels = max(folder.counts[number, 1:].sum(), 1)
    seen = 0
    if folder.worn_known[number]:
        seen = known_person(labels).sum() * 4 * abs(np.linalg.det(to_photo)) / figure_pixels
    if filled:
        background = (codes == CLASS['background']).astype(np.uint8)
        beyond = warp(background, to_photo * 2, origin, labels.shape, cv2.INTER_NEAREST, cv2.BORDER_REFLECT)
        nobody = (labels == IGNORE) & (beyond > 0)
        labels[nobody], people[nobody] = CLASS['background'], 0
    if mirrored:
        labels = mirror_table()[labels]
    worn = folder.worn[number]
    given = data.transplant(rng, folder, number, photo, labels, names, people, to_photo, origin)
    if given is not None:
        photo, labels, names, people = given
        added = np.bincount(names.ravel(), minlength=UNKNOWN_NAME + 1)[:NAMES] >= MIN_NAMED
        worn, seen = worn | added, 0     # what is covered may not be seen any more
    if rng.random() < RECOLOURED:
        photo = recolour(rng, photo, labels)
    return photo, labels, names, people, worn, seen


def known_person(codes):
    return (codes != CLASS['background']) & (codes != IGNORE)


def replace_background(rng, photo, labels):
    """The person before drawn cloth, stripes or gradients: flags and curtains are not clothes worn."""
    height, width = photo.shape[:2]
    keep = cv2.resize((labels != CLASS['background']).astype(np.float32), (width, height))
    keep = cv2.GaussianBlur(keep, (0, 0), 1.2)[..., None]
    return (keep * photo + (1 - keep) * backdrop(rng, height, width)).astype(np.uint8)


def compressed(rng, photo):
    """RGB uint8 [H, W, 3]: now and then, with what JPEG does to it."""
    if rng.random() >= COMPRESSED:
        return photo
    quality = int(rng.integers(35, 85))
    return cv2.imdecode(cv2.imencode('.jpg', photo, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


def group(rng, data, size):
    """People pasted into one photograph, nearer ones over those farther off."""
    base = log_uniform(rng, *GROUP[1:])
    photo, labels, names, people, worn, _ = cut(rng, data, size, GROUP, base)
    for _ in range(int(rng.integers(1, MOST_PEOPLE))):
        scale = base * log_uniform(rng, 0.7, 1.4)
        other, codes, other_names, others, other_worn, _ = cut(rng, data, size, GROUP, scale, spread=0.6)
        inside = figure(codes, other_names)
        share = inside.mean()
        if share < 0.004:
            continue
        behind = rng.random() < 0.35
        if behind:
            inside &= (people == 0) & (labels != IGNORE) & ~np.isin(names, BAG_NAMES)
        elif (inside & (people > 0)).sum() > 0.7 * max(1, (people > 0).sum()):
            continue
        photo = pasted(rng, photo, other, inside)
        labels, names = np.where(inside, codes, labels), np.where(inside, other_names, names)
        worn = worn | other_worn
        people = np.where(inside, numbered_from(others, highest(people)), people)
    people[labels == IGNORE] = UNKNOWN_PERSON
    return photo, labels, people, names, worn


def highest(people):
    """The largest number of a person."""
    return int(np.where(people == UNKNOWN_PERSON, 0, people).max())


def numbered_from(people, before):
    """uint8 [H, W]: the people with other numbers than those up to `before`; too many are unknown."""
    known = (people > 0) & (people != UNKNOWN_PERSON)
    return np.where(known, np.minimum(people.astype(int) + before, UNKNOWN_PERSON), people).astype(np.uint8)


def figure(codes, names):
    """bool: the labelled person with bags and what is worn but has no class, without bystanders."""
    known = known_person(codes).astype(np.uint8)
    closed = cv2.morphologyEx(known, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    return (closed > 0) & (codes != CLASS['background']) | np.isin(names, BAG_NAMES)


def random_crop(rng, data, size):
    """One training crop of `size` (height, width): photo; codes, people (as packing.py) and names at half the
    size; int [NAMES] of WORN, WORN_NOT or WORN_UNKNOWN.
    """
    modes = (FIGURE, CLOSE_UP, GROUP)
    mode = modes[rng.choice(3, p=[m[0] for m in modes])]
    if mode is GROUP:
        photo, labels, people, names, worn = group(rng, data, size)
        seen = 0
    else:
        photo, labels, names, people, worn, seen = cut(rng, data, size, mode)
        if rng.random() < BACKDROP:
            photo = replace_background(rng, photo, labels)
    found = np.bincount(names.ravel(), minlength=UNKNOWN_NAME + 1)[:NAMES] >= MIN_NAMED
    visible = np.where(found | (seen >= WHOLE_FIGURE), WORN, WORN_UNKNOWN)
    return compressed(rng, photo), labels, people, names, np.where(worn, visible, WORN_NOT)


def mirrored_twin(crop):
    """The crop of `random_crop` in the mirror."""
    photo, codes, people, names, worn = crop
    return photo[:, ::-1], mirror_table()[codes[:, ::-1]], people[:, ::-1], names[:, ::-1], worn


def people_targets(people, labels):
    """Centre heatmap, its weight, offsets (x, y in input pixels), their weight, at 1/4 of the crop's size.

    float16 [1, h, w], [1, h, w], [2, h, w], [1, h, w]; `people` and `labels` [2h, 2w]. A centre is the mean
    place of the visible pixels of a person, so that it lies inside the picture whatever is cut off.
    """
    people, labels = people[::2, ::2], labels[::2, ::2]
    height, width = people.shape
    heat, offsets = np.zeros((height, width), np.float32), np.zeros((2, height, width), np.float32)
    offset_weight = np.zeros((1, height, width), np.float32)
    ys, xs = np.mgrid[:height, :width].astype(np.float32)
    for person in np.setdiff1d(people, (0, UNKNOWN_PERSON)):
        mine = people == person
        if mine.sum() < MIN_PERSON:
            continue
        cx, cy = xs[mine].mean(), ys[mine].mean()
        sigma = np.clip(0.07 * (np.ptp(ys[mine]) + 1), 1.5, 6)
        heat = np.maximum(heat, np.exp(-((xs - cx) ** 2 + (ys - cy) ** 2) / (2 * sigma * sigma)))
        offsets[0][mine], offsets[1][mine] = CELL * (cx - xs[mine]), CELL * (cy - ys[mine])
        offset_weight[0][mine] = 1
    heat_weight = ((labels != IGNORE) & (people != UNKNOWN_PERSON) | (heat > 0.05)).astype(np.float32)
    return tuple(target.astype(np.float16)
                 for target in (heat[None], heat_weight[None], offsets, offset_weight))
