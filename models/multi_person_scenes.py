#!/usr/bin/env python3
"""Scenes of 2 to 5 labelled people, pasted together from photographs of one person each.

usage: multi_person_scenes.py DATA_DIR IDS LABELS_DIR OUT_DIR [--count 60] [--seed 20] [--border 0]
  DATA_DIR    folder of Clothing Co-Parsing: photos/<id>.jpg, labels/<id>.png
  IDS         text file of ids; only val.txt, if the scenes are to test what was trained on train.txt
  LABELS_DIR  <id>.png in the codes of training/label_codes.py, from training/prepare_labels.py

Each scene is one photograph, widened by mirroring the ground beside its person, with people of other
photographs added: all stand on one ground plane (feet and height agree with a camera at hip height), nearer
ones hide farther ones, each stays visible by a quarter at least. Writes for scene 00, 01 ...
  OUT_DIR/photos/NN.jpg   the picture
  OUT_DIR/labels/NN.png   8-bit, CIHP classes 0..19; 255 where the class is not known for sure
  OUT_DIR/people/NN.png   8-bit, 0 no person, else 1, 2 ... from left to right
The same arguments give the same scenes. Needs numpy, Pillow and scipy.
"""
import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).parent / 'training'))
from checked_sides import untold
from label_codes import CIHP, IGNORE, mirror_table

PEOPLE = (2, 3, 4, 5)
MIN_VISIBLE = 0.25        # share of a figure
MIN_HIDDEN = 0.08         # of the most hidden figure of a scene: there is always an overlap
HORIZON = 0.55            # height of the camera above the ground, in heights of the scene's first person
STATURE = (0.9, 1.1)      # height of a figure against the first one's at the same distance
BACK_SHARE = 0.25         # of the people, stand farther back
BACK, NEAR = (0.62, 0.8), (0.93, 1.07)    # scale by distance
SPACING = (0.35, 1.0)     # distance of neighbours in mean widths
MARGIN = 20               # px between a figure and the edge of the scene
GROUND_GAP = 6            # px kept away from the first person when its surroundings are mirrored
GAIN = (0.75, 1.33)       # limits of the brightness change
TRIES = 200
GREY = 127                # of a border

# A photograph is used if its person is whole, in one piece, and labelled for sure nearly everywhere.
MIN_HEIGHT = 0.6          # of the photograph
MIN_LARGEST_PIECE = 0.98
MIN_CERTAIN = 0.88
MAX_UNKNOWN_AROUND = 0.03     # of the photograph: bystanders


@dataclass
class Figure:
    """One labelled person; arrays are [H, W] and cut to the person's box, except those of `Photograph`."""
    photo: np.ndarray     # uint8 [H, W, 3]
    codes: np.ndarray     # uint8, CIHP classes or IGNORE
    mask: np.ndarray      # bool: the person with all that is worn and held
    held: np.ndarray      # bool: bags within the mask

    def resized(self, height):
        size = max(1, round(self.mask.shape[1] * height / self.mask.shape[0])), height

        def nearest(array):
            return np.asarray(Image.fromarray(array.astype(np.uint8)).resize(size, Image.NEAREST))

        return Figure(np.asarray(Image.fromarray(self.photo).resize(size, Image.LANCZOS)),
                      nearest(self.codes), nearest(self.mask) > 0, nearest(self.held) > 0)

    def mirrored(self):
        flipped = (a[:, ::-1].copy() for a in (self.photo, mirror_table()[self.codes], self.mask, self.held))
        return Figure(*flipped)


@dataclass
class Photograph:
    """A whole photograph with its person: box is x0, y0, x1, y1 of the mask."""
    whole: Figure
    box: tuple
    unknown_around: float     # share of the photograph that is neither the person nor known background
    brightness: np.ndarray    # float [3]: mean colour around the person

    def figure(self):
        x0, y0, x1, y1 = self.box
        return Figure(*(a[y0:y1, x0:x1] for a in (self.whole.photo, self.whole.codes, self.whole.mask,
                                                  self.whole.held)))


def load(data, labels_dir, name, held_ids):
    """The Photograph, or None where its person is not fit for pasting."""
    photo = np.asarray(Image.open(data / 'photos' / f'{name}.jpg').convert('RGB'))
    height, width = photo.shape[:2]
    names = Image.open(data / 'labels' / f'{name}.png').resize((width, height), Image.NEAREST)
    names = np.asarray(names)
    codes = np.asarray(Image.open(labels_dir / f'{name}.png'))
    codes = np.where(codes < len(CIHP), codes, IGNORE).astype(np.uint8)
    pieces, _ = ndimage.label(ndimage.binary_dilation(names > 0, iterations=3))
    sizes = np.bincount(pieces[names > 0], minlength=2)
    mask = (names > 0) & (pieces == sizes.argmax())
    if mask.sum() < MIN_LARGEST_PIECE * max((names > 0).sum(), 1):
        return None
    mask = ndimage.binary_opening(mask, iterations=2)
    codes[(names > 0) & ~mask] = IGNORE
    held = mask & np.isin(names, held_ids)
    ys, xs = np.nonzero(mask)
    box = int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1
    certain = (codes != IGNORE)[mask].mean()
    clear = box[0] > 1 and box[1] > 1 and box[2] < width - 1 and box[3] < height - 1
    if not clear or box[3] - box[1] < MIN_HEIGHT * height or certain < MIN_CERTAIN:
        return None
    codes[untold(codes, name)] = IGNORE
    unknown = ((codes == IGNORE) & ~ndimage.binary_dilation(mask, iterations=4)).mean()
    around = photo[~mask].reshape(-1, 3).mean(0)
    return Photograph(Figure(photo, codes, mask, held), box, unknown, around)


def widened(array, box, left, right):
    """The picture with `left` and `right` columns more, mirrored from the ground beside the box."""
    x0, x1 = max(box[0] - GROUND_GAP, 2), min(box[2] + GROUND_GAP, array.shape[1] - 2)
    rest = [(0, 0)] * (array.ndim - 2)
    parts = (np.pad(array[:, :x0], [(0, 0), (left, 0), *rest], 'reflect'), array[:, x0:x1],
             np.pad(array[:, x1:], [(0, 0), (0, right), *rest], 'reflect'))
    return np.concatenate(parts, 1)


def soft(mask):
    """float [H, W]: opacity of a mask with an edge of about a pixel, drawn in by half a pixel."""
    inner = ndimage.binary_erosion(np.pad(mask, 3)).astype(np.float32)
    return ndimage.gaussian_filter(inner, 0.7)[3:-3, 3:-3]


class Scene:
    def __init__(self, photograph, left, right):
        def wide(array):
            return widened(array, photograph.box, left, right)

        whole = photograph.whole
        known = np.where(whole.mask, IGNORE, whole.codes).astype(np.uint8)    # the person is pasted later
        self.photo = wide(whole.photo).astype(np.float32)
        self.codes = wide(known)
        self.people = np.zeros(self.codes.shape, np.uint8)

    def paste(self, figure, x, feet, gain, person):
        """Puts the figure with its left edge at x and its lowest row just above `feet`."""
        height, width = figure.mask.shape
        window = slice(feet - height, feet), slice(x, x + width)
        alpha = soft(figure.mask)[..., None]
        colour = np.clip(figure.photo * gain, 0, 255)
        self.photo[window] += alpha * (colour - self.photo[window])
        here = alpha[..., 0] > 0.5
        self.codes[window][here] = figure.codes[here]
        self.people[window][here] = np.where(figure.held, 0, person)[here]


def arrangement(random, people):
    """Scale by distance (first person 1) and horizontal distance to the left neighbour, per place."""
    scale = np.where(random.random(people) < BACK_SHARE, random.uniform(*BACK, people),
                     random.uniform(*NEAR, people))
    return scale, random.uniform(*SPACING, people)


def compose(random, first, others):
    """(photo, codes, people) of one scene, or None if a figure is cut off, hidden too much, or none is."""
    x0, y0, x1, y1 = first.box
    tall = y1 - y0
    horizon = y1 - HORIZON * tall
    place = int(random.integers(len(others) + 1))      # of the first person, from the left
    scale, spacing = arrangement(random, len(others) + 1)
    scale[place] = 1
    figures, feet, gains = [], [], []
    for i, photograph in enumerate([*others[:place], first, *others[place:]]):
        line = round(horizon + scale[i] * (y1 - horizon))
        figure, gain = photograph.figure(), np.ones(3)
        if i != place:
            figure = figure.resized(round(tall * scale[i] * random.uniform(*STATURE)))
            figure = figure.mirrored() if random.random() < 0.5 else figure
            ratio = first.brightness / photograph.brightness
            gain = np.clip(0.7 * ratio.mean() + 0.3 * ratio, *GAIN)
        if len(figure.mask) > line or line > len(first.whole.mask) - 2:
            return None
        figures.append(figure)
        feet.append(line)
        gains.append(gain)
    widths = np.array([f.mask.shape[1] for f in figures])
    centres = np.cumsum(spacing * (widths + np.roll(widths, 1)) / 2)
    centres += (x0 + x1) / 2 - centres[place]
    lefts = (centres - widths / 2).round().astype(int)
    lefts[place] = x0
    left = max(0, MARGIN - int(lefts.min()))
    right = max(0, int((lefts + widths).max()) + MARGIN - first.whole.mask.shape[1])
    scene = Scene(first, left, right)
    for i in np.argsort(feet, kind='stable'):
        scene.paste(figures[i], int(lefts[i]) + left, feet[i], gains[i], i + 1)
    worn = np.array([(f.mask & ~f.held).sum() for f in figures])
    visible = np.bincount(scene.people.ravel(), minlength=len(figures) + 1)[1:] / worn
    if visible.min() < MIN_VISIBLE or visible.min() > 1 - MIN_HIDDEN:
        return None
    return scene.photo.round().astype(np.uint8), scene.codes, scene.people


def with_border(array, part, value):
    """The picture or map with so much more above it and on either side, as parts of its height and width."""
    above, beside = (int(part * side) for side in array.shape[:2])
    rest = [(0, 0)] * (array.ndim - 2)
    return np.pad(array, [(above, 0), (beside, beside), *rest], constant_values=value)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('data', type=Path)
    parser.add_argument('ids', type=Path)
    parser.add_argument('labels', type=Path)
    parser.add_argument('out', type=Path)
    parser.add_argument('--count', type=int, default=60)
    parser.add_argument('--seed', type=int, default=20)
    parser.add_argument('--border', type=float, default=0, metavar='PART',
                        help='of the sides: grey above and beside each scene, so that people are small in it')
    arguments = parser.parse_args()
    class_names = arguments.data.joinpath('classes.txt').read_text().split('\n')
    held_ids = [class_names.index(name) for name in ('bag', 'purse', 'wallet')]
    photographs = {}
    for name in arguments.ids.read_text().split():
        photograph = load(arguments.data, arguments.labels, name, held_ids)
        if photograph:
            photographs[name] = photograph
    grounds = [name for name, p in photographs.items() if p.unknown_around < MAX_UNKNOWN_AROUND]
    print(f'{len(photographs)} people, {len(grounds)} of them with a clear background')
    for folder in ('photos', 'labels', 'people'):
        (arguments.out / folder).mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(arguments.seed)
    rounds = -(-arguments.count // len(grounds))
    first_ones = np.concatenate([random.permutation(grounds) for _ in range(rounds)])
    for number in range(arguments.count):
        people = PEOPLE[number % len(PEOPLE)]
        candidates = [name for name in photographs if name != first_ones[number]]
        for _ in range(TRIES):
            others = random.choice(candidates, people - 1, replace=False)
            made = compose(random, photographs[first_ones[number]], [photographs[name] for name in others])
            if made:
                break
        else:
            sys.exit(f'no arrangement found for scene {number}')
        photo, codes, ids = (with_border(array, arguments.border, value)
                             for array, value in zip(made, (GREY, 0, 0), strict=True))
        Image.fromarray(photo).save(arguments.out / 'photos' / f'{number:02d}.jpg', quality=93)
        Image.fromarray(codes).save(arguments.out / 'labels' / f'{number:02d}.png')
        Image.fromarray(ids).save(arguments.out / 'people' / f'{number:02d}.png')


if __name__ == '__main__':
    main()
