#!/usr/bin/env python3
"""Training label maps in the codes of label_codes.py, from Clothing Co-Parsing labels and teacher landmarks.

usage: prepare_labels.py DATA_DIR IDS TEACHER_DIR MOVENET_JSON OUT_DIR

Writes OUT_DIR/<id>.png (8-bit codes, the photo's size); what exists is skipped.
"""
import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy import ndimage

from body_parts import Body, split_shoes, split_skin, split_suit
from bystander_boxes import PersonBoxes
from label_codes import CLASS, CODE, IGNORE, ccp_table

UNLABELLED = 0         # the data set's id of `null`
NEAR_PERSON = 12       # px around the labelled person in which the person mask proves nothing
BYSTANDER_PROBABILITY = 0.5
SAME_PERSON_IOU = 0.35
BYSTANDER_MARGIN = 7   # px
MIN_LANDMARKS_ON_PERSON = 0.7


def box_iou(a, b):
    """Intersection over union of two boxes x0, y0, x1, y1."""
    inner = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None).prod()
    return inner / max((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - inner, 1e-6)


def bystanders(unlabelled, person_probability, boxes):
    """bool [H, W]: unlabelled pixels that may be people beside the labelled one.

    unlabelled          bool [H, W], the data set's `null`
    person_probability  [H, W] of a person mask; it sees large people
    boxes               [N, 4] of detected people; they cover small ones
    """
    far = ndimage.distance_transform_edt(unlabelled) > NEAR_PERSON
    found = (person_probability > BYSTANDER_PROBABILITY) & far
    if found.any():
        found = ndimage.distance_transform_edt(~found) < BYSTANDER_MARGIN
    ys, xs = np.nonzero(~unlabelled)
    labelled_box = np.array([xs.min(), ys.min(), xs.max(), ys.max()])
    height, width = unlabelled.shape
    for box in boxes:
        if box_iou(box, labelled_box) > SAME_PERSON_IOU:
            continue
        column = int(np.clip((box[0] + box[2]) / 2, 0, width - 1))
        row = int(np.clip((box[1] + box[3]) / 2, 0, height - 1))
        if unlabelled[row, column]:
            x0, y0, x1, y1 = (max(int(v), 0) for v in box)
            found[y0:y1 + 1, x0:x1 + 1] = True
    return found & unlabelled


def landmarks_fit(body, codes):
    """Whether the visible landmarks lie on the labelled person (and not on somebody else)."""
    height, width = codes.shape
    visible = body.visibility > 0.5
    x, y = body.at[visible].round().astype(int).T
    within = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    if not within.any():
        return False
    on_person = ndimage.binary_dilation(codes != CLASS['background'], iterations=4)[y[within], x[within]]
    return on_person.mean() >= MIN_LANDMARKS_ON_PERSON


def label_codes_of(labels, teacher, table, boxes):
    """uint8 [H, W] codes from the data set's ids [H, W] one teacher file and person boxes."""
    codes = table[labels]
    if (labels == UNLABELLED).all():     # one photograph of the set was never labelled
        return np.full_like(codes, IGNORE)
    other_people = bystanders(labels == UNLABELLED, teacher['mask'] / 255.0, boxes)
    body = Body(teacher['body'], teacher['face'])
    if body.usable() and landmarks_fit(body, codes):
        for name, split in (('skin', split_skin), ('shoe', split_shoes), ('suit', split_suit)):
            pixels = codes == CODE[name]
            if pixels.any():
                codes[pixels] = split(pixels, body)
    codes[other_people] = IGNORE
    return codes


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('data', type=Path)
    parser.add_argument('ids', type=Path)
    parser.add_argument('teacher', type=Path)
    parser.add_argument('movenet', type=Path, help='movenet-multipose.json')
    parser.add_argument('out', type=Path)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    person_boxes = PersonBoxes(args.movenet)
    table = ccp_table(args.data.joinpath('classes.txt').read_text().split('\n'))
    for name in args.ids.read_text().split():
        target = args.out / f'{name}.png'
        if target.exists():
            continue
        teacher = np.load(args.teacher / f'{name}.npz')
        photo = np.asarray(Image.open(args.data / 'photos' / f'{name}.jpg').convert('RGB'))
        labels = Image.open(args.data / 'labels' / f'{name}.png')
        height, width = photo.shape[:2]
        if labels.size != (width, height):    # a few differ from their photo by a pixel
            labels = labels.resize((width, height), Image.NEAREST)
        part = target.with_suffix('.part')
        codes = label_codes_of(np.asarray(labels), teacher, table, person_boxes(photo))
        Image.fromarray(codes).save(part, 'PNG')
        part.rename(target)


if __name__ == '__main__':
    main()
