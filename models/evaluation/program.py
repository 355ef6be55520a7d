"""Runs the program under test and reads what it wrote; options and tables that the commands share."""
import subprocess
import sys
from pathlib import Path

import numpy as np
from measures import CIHP, SIDED, class_iou, person_iou
from PIL import Image


def add_options(parser):
    parser.add_argument('--bodymap', default='bodymap', help='the program')
    parser.add_argument('--model', help='card of another model than the built-in one')
    parser.add_argument('--setting', help='fast or fine; the program chooses if left out')


def parse(options, photos, out, *formats):
    """Parses photos (of different stems) into the folder `out`."""
    command = [options.bodymap, 'parse', *photos, '--out', out, '--formats', ','.join(formats)]
    for name in ('model', 'setting'):
        if getattr(options, name):
            command += [f'--{name}', getattr(options, name)]
    if subprocess.run(command).returncode:
        sys.exit(f'{options.bodymap} failed')


def read_map(path, size=None):
    """[H, W] integers of an indexed or grey PNG; `size` (width, height) if it should have another."""
    picture = Image.open(path)
    if size and picture.size != size:
        picture = picture.resize(size, Image.Resampling.NEAREST)
    return np.asarray(picture)


def read_labels(out, photo, size=None):
    return read_map(Path(out) / f'{Path(photo).stem}.png', size)


def read_people(out, photo, size=None):
    return read_map(Path(out) / f'{Path(photo).stem}.people.png', size).astype(np.int64)


def percent(part, whole):
    return f'{100 * part / whole:.2f} %' if whole else 'none'


def print_classes(pixels, names=CIHP):
    """IoU per class (those without a true pixel left out) and their mean, from a confusion matrix."""
    iou = class_iou(pixels)
    for name, value in zip(names, iou, strict=True):
        if not np.isnan(value):
            print(f'{name:14s} {100 * value:5.1f}')
    accuracy = np.diag(pixels).sum() / max(pixels.sum(), 1)
    print(f'person {100 * person_iou(pixels):.1f}, pixel accuracy {100 * accuracy:.1f}, '
          f'mean of {np.isfinite(iou).sum()} classes {100 * np.nanmean(iou):.2f}')


def print_sides(rows):
    """Found and correct side, per limb and over all, from `sides`."""
    for kind, (true, found, right) in zip((*SIDED, 'all'), [*rows, rows.sum(0)], strict=True):
        print(f'left/right of {kind:4s}: correct {percent(right, found)} of found, '
              f'found {percent(found, true)} of {true} px')
