"""The measures, on arrays. Label maps are [H, W] of CIHP classes; truths may hold codes above 19: unknown."""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / 'training'))
from label_codes import CIHP, PAIRS, mirror_table

CLASSES = len(CIHP)
SIDED = tuple(PAIRS)


def confusion(truth, result, classes=CLASSES):
    """int64 [classes, classes]: pixels by class, truth in rows; truths from `classes` up are left out."""
    known = truth < classes
    pairs = truth[known].astype(np.int64) * classes + result[known]
    return np.bincount(pairs, minlength=classes ** 2).reshape(classes, classes)


def class_iou(pixels):
    """float [classes] from a confusion matrix; NaN where the truth has no pixel of the class."""
    hit = np.diag(pixels)
    iou = hit / np.maximum(pixels.sum(0) + pixels.sum(1) - hit, 1)
    return np.where(pixels.sum(1) > 0, iou, np.nan)


def person_iou(pixels):
    """IoU of person (any class but 0) against background, from a confusion matrix."""
    return pixels[1:, 1:].sum() / max(pixels.sum() - pixels[0, 0], 1)


def sides(truth, result):
    """int64 [3, 3], rows arm, leg, shoe: true pixels, found as that limb, and found on its side."""
    rows = []
    for both in PAIRS.values():
        true = np.isin(truth, both)
        found = true & np.isin(result, both)
        rows.append((true.sum(), found.sum(), (found & (truth == result)).sum()))
    return np.array(rows, np.int64)


def person_pixels(truth, result):
    """(right, another, missed): true person pixels by what the person ids `result` say of them.

    Both are [H, W], 0 for no person; the numbers of `result` mean nothing by themselves. People are paired
    one to one so that the common pixels are most. right: the paired person; another: any other; missed: none.
    """
    from scipy.optimize import linear_sum_assignment  # not on every machine that needs the other measures

    true_ids, true = np.unique(truth, return_inverse=True)
    ids, found = np.unique(result, return_inverse=True)
    common = np.bincount(true.ravel() * len(ids) + found.ravel(), minlength=len(true_ids) * len(ids))
    common = common.reshape(len(true_ids), len(ids))[true_ids > 0]
    missed = int(common[:, ids == 0].sum())
    common = common[:, ids > 0]
    right = int(common[linear_sum_assignment(-common)].sum())
    return right, int(common.sum()) - right, missed


# Of the photo: people smaller than this are not counted. A person is found with so much of IoU.
SMALLEST_PERSON, FOUND = 0.02, 0.5
UNKNOWN = 255


def found_people(truth, result):
    """(found, people): true people of some size, and those that a person of `result` covers well enough.

    Both are [H, W] of person ids, 0 for nobody; where the truth is UNKNOWN nothing counts.
    """
    known = truth != UNKNOWN
    found = people = 0
    for person in np.setdiff1d(truth, (0, UNKNOWN)):
        mine = truth == person
        if mine.mean() < SMALLEST_PERSON:
            continue
        people += 1
        ids = result[mine & (result > 0)]
        if len(ids):
            best = (result == np.bincount(ids).argmax()) & known
            found += (best & mine).sum() >= FOUND * (best | mine).sum()
    return int(found), people


def unmirrored(labels):
    """The label map of the photo from that of the mirrored photo."""
    return mirror_table()[labels[:, ::-1]]


def agreement(one, other):
    """(pixels of the same class, all pixels): of those that are person in either label map."""
    person = (one > 0) | (other > 0)
    return int((person & (one == other)).sum()), int(person.sum())
