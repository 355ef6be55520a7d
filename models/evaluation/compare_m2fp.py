#!/usr/bin/env python3
"""Compare what bodymap returns of a photo with what ModelScope does.

usage: compare_m2fp.py PHOTO.modelscope.json FOLDER

The first is written by `bodymap parse --formats modelscope`, FOLDER by `check_m2fp.py --write`. Each mask of
ModelScope's is matched with the one of the same label that overlaps it most. Fails unless all are matched, by
scores that differ by less than 1e-3 and masks with an intersection over union of at least 0.999, as they are
where weights are f32; f16 and i8 round more. The photo should be a PNG, as decoders of JPEG differ.
"""
import argparse
import base64
import io
import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image

SCORE, IOU = 1e-3, 0.999


def read_answer(path):
    """Label, score and mask of each instance in the program's JSON."""
    answer = json.loads(path.read_text())
    masks = (np.asarray(Image.open(io.BytesIO(base64.b64decode(text)))) > 0 for text in answer['masks'])
    return list(zip(answer['labels'], answer['scores'], masks, strict=True))


def read_reference(folder):
    """The same of the files that tests/m2fp/README.md describes."""
    results = json.loads((folder / 'results.json').read_text())
    sheet = np.asarray(Image.open(folder / 'masks.png'))
    masks = sheet.reshape(len(results), -1, sheet.shape[1])
    return [(entry['label'], entry['score'], mask) for entry, mask in zip(results, masks, strict=True)]


def overlap(one, other):
    """Intersection over union."""
    return (one & other).sum() / max((one | other).sum(), 1)


def matched(answer, reference):
    """Difference of the scores and overlap for each instance of the reference, nan where no instance of that
    label is left."""
    left, pairs = list(answer), []
    for label, score, mask in reference:
        alike = [(overlap(own, mask), i) for i, (name, _, own) in enumerate(left) if name == label]
        if alike:
            best, i = max(alike)
            pairs.append((abs(left.pop(i)[1] - score), best))
        else:
            pairs.append((np.nan, np.nan))
    return np.array(pairs).reshape(-1, 2)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('answer', type=Path)
    parser.add_argument('folder', type=Path)
    args = parser.parse_args()
    answer, reference = read_answer(args.answer), read_reference(args.folder)
    scores, overlaps = matched(answer, reference).T
    missing = np.isnan(scores).sum()
    print(f'{len(answer)} masks, ModelScope has {len(reference)}, {missing} of them without a match')
    print(f'scores differ by at most {np.nanmax(scores):.1e}, smallest IoU {np.nanmin(overlaps):.6f}, '
          f'median {np.nanmedian(overlaps):.6f}')
    if len(answer) != len(reference) or not (scores < SCORE).all() or not (overlaps >= IOU).all():
        sys.exit('these are not the same')


if __name__ == '__main__':
    main()
