#!/usr/bin/env python3
"""What the teachers and our own network say of ordinary photographs, kept for wild_labels.py.

usage: wild_teachers.py PHOTOS_DIR IDS OUT_DIR --deeplab TFLITE --bodypix JSON --hair ONNX --own ONNX

Writes OUT_DIR/<id>.npz; what exists is skipped, so that it may be stopped and started again.
  margin  float16 [H/4, W/4]        a person's logit less the largest other one (deeplab_person.py)
  person  float16 [H/4, W/4]        BodyPix' logit of a person
  parts   float16 [24, H/4, W/4]    its logits of the parts (bodypix_names.PARTS); they only rank them
  tissue  uint8   [3, H/2, W/2]     255 x the probability of skin, clothes, hair (skin_clothes_hair.py)
  own     uint8   [20, H/2, W/2]    255 x our own probability of each class
  middles float16 [H/4, W/4]        where our own network sees the middle of a person
  votes   float16 [2, H/4, W/4]     and each pixel's way there, x and y in photo pixels
"""
import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from bodypix_names import PARTS, region_of
from bodypix_parts import BodyParts
from deeplab_person import PersonMargin
from own_answer import OwnAnswer
from resampling import centres, sampled
from skin_clothes_hair import SkinClothesHair

STEP = 4
SHORT_SIDE, CLOSER = 384, 576
# Where nobody is so tall, of the photo's height, a second, closer look is taken.
TALL = 0.5
HEADS = sum(region_of(part) == 'head' for part in PARTS)      # the first parts


def tallest(person):
    """The height of the tallest connected piece of bool [h, w], of the picture's."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(person.astype(np.uint8))
    return max(stats[1:, cv2.CC_STAT_HEIGHT], default=0) / len(person)


class Teachers:
    def __init__(self, args):
        self.margin, self.parts = PersonMargin(args.deeplab), BodyParts(args.bodypix)
        self.tissue, self.own = SkinClothesHair(args.hair), OwnAnswer(args.own)

    def __call__(self, photo):
        height, width = photo.shape[:2]
        margin = self.margin(photo, STEP)
        logits, cell = self.parts(photo)
        body = sampled(logits, *(centres(-(-side // STEP), STEP) / size
                                 for side, size in zip((height, width), cell, strict=True)))
        heads = (body[1:].argmax(0) < HEADS) & (body[0] > 0)
        person = margin + 0.6 * body[0] > -1
        shorts = [SHORT_SIDE] + [CLOSER] * bool(0 < tallest(person) < TALL)
        own, middles, votes = self.own(photo, shorts)
        return {'margin': margin.astype(np.float16), 'person': body[0].astype(np.float16),
                'parts': body[1:].astype(np.float16), 'tissue': self.tissue(photo, heads, STEP),
                'own': np.round(255 * own).astype(np.uint8), 'middles': middles[0].astype(np.float16),
                'votes': votes.astype(np.float16)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('photos', type=Path)
    parser.add_argument('ids', type=Path)
    parser.add_argument('out', type=Path)
    for teacher in ('deeplab', 'bodypix', 'hair', 'own'):
        parser.add_argument(f'--{teacher}', type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    teachers = Teachers(args)
    for name in args.ids.read_text().split():
        target = args.out / f'{name}.npz'
        if target.exists():
            continue
        photo = np.asarray(Image.open(args.photos / f'{name}.jpg').convert('RGB'))
        part = target.with_suffix('.part')
        with open(part, 'wb') as file:
            np.savez_compressed(file, **teachers(photo))
        part.rename(target)


if __name__ == '__main__':
    main()
