#!/usr/bin/env python3
"""Training labels of ordinary photographs from what the teachers and our own network say (wild_teachers.py).

usage: wild_labels.py TEACHERS_DIR IDS OUT_DIR [--boxes JSON]

Writes OUT_DIR/<id>.png (codes of label_codes.py, the photo's half size) and <id>.people.png (person ids, 255
unknown). Where a teacher and our own network differ, either is right or the pixel is ignored:
who is a person  DeepLab with BodyPix, its outline ours
which part       BodyPix; a class of ours that cannot be seen on it gives way to the set of those that can
sides            BodyPix where it is sure, or where both agree
hair and face    where the small network and ours agree
garments         where ours is sure, else two of them, or any
Boxes (Open Images: {id: [[left, top, width, height], ...]} in parts of the photo) say where people must be:
what is background in an empty one is ignored.
"""
import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from bodypix_names import PARTS, region_of
from label_codes import CIHP, CLASS, CODE, IGNORE, PAIRS, SET_MEMBERS, either
from wild_people import UNKNOWN, person_ids, within

# DeepLab's margin with 0.6 of BodyPix' logit: a person from LIKELY on, surely one from SURE on, surely none
# below NONE. Our own background: none below FEW, one above MOST.
WEIGHT, LIKELY, SURE, NONE = 0.6, -1.0, 2.0, -3.0
FEW, MOST = 0.35, 0.65
BODYPIX_SURE = 1.0
# So near to what both call a person (half pixels) DeepLab's outline proves nothing.
BLUR = 8
EMPTY_BOX = 0.15
# Of the logits of parts: regions so little below the best one may be seen, too; so far above all others it is
# certain. None is told where BodyPix sees nobody.
BESIDE, CERTAIN, SOMEBODY = 1.0, 2.0, -1.0
SURE_CLASS, SURE_GARMENT, SURE_PAIR = 0.6, 0.7, 0.75
# So probable, glasses may be on a face.
PERHAPS_GLASSES = 0.08
# Logits of left and right so far apart tell the side by themselves, or where ours says the same.
SIDE_ALONE, SIDE_AGREED, SIDE_BLUR = 1.0, 0.4, 9
SURE_TISSUE = 0.75

ON = {'head': 'on-head', 'upper-arm': 'on-arm', 'lower-arm': 'on-arm', 'hand': 'on-arm', 'torso': 'on-trunk',
      'upper-leg': 'on-leg', 'lower-leg': 'on-leg', 'foot': 'on-foot'}
# Beside the classes of the set: what else is seen there now and then.
MORE = {'upper-arm': 'torso-skin hair', 'torso': 'left-arm right-arm', 'lower-leg': 'left-shoe right-shoe',
        'hand': ''}
LESS = {'hand': 'dress'}


REGIONS = list(ON)
REGION_PARTS = [[i for i, part in enumerate(PARTS) if region_of(part) == region] for region in REGIONS]
ALLOWED = np.zeros((len(REGIONS), len(CIHP)), bool)
for _row, _region in zip(ALLOWED, REGIONS, strict=True):
    _names = set(SET_MEMBERS[ON[_region]].split()) | set(MORE.get(_region, '').split())
    _row[[CLASS[name] for name in _names - set(LESS.get(_region, '').split())]] = True
REGION_CODES = np.array([CODE[ON[region]] for region in REGIONS], np.uint8)
EITHER = np.array([[either(a, b) for b in range(len(CIHP))] for a in range(len(CIHP))], np.uint8)
LIMB_REGIONS = {'arm': ('upper-arm', 'lower-arm', 'hand'), 'leg': ('upper-leg', 'lower-leg', 'foot'),
                'shoe': ('foot', 'lower-leg')}
HEADS = len(REGION_PARTS[REGIONS.index('head')])
GARMENTS = [CLASS[name] for name in SET_MEMBERS['garment'].split()]


def who_is_there(score, bodypix, own_background, boxed):
    """uint8 [h, w]: 1 where somebody is, 0 where nobody is, IGNORE in doubt.

    score           DeepLab's margin with BodyPix' logit; bodypix: that logit alone
    own_background  our own probability of nobody
    boxed           bool, in a person's box, or None if nobody drew boxes
    """
    ours, not_ours = own_background < FEW, own_background > MOST
    both = (score > LIKELY) & ours
    far = ndimage.distance_transform_edt(~both) > BLUR if both.any() else np.ones(both.shape, bool)
    state = np.full(score.shape, IGNORE, np.uint8)
    state[both] = 1
    state[(score < LIKELY) & not_ours] = 0
    overlooked = (score > SURE) & not_ours & far
    if boxed is not None:
        overlooked &= boxed
    state[overlooked] = 1
    imagined = (score < NONE) & ours & far & (bodypix < BODYPIX_SURE)
    if boxed is not None:
        imagined &= ~boxed
    state[imagined] = 0
    return state


def regions_seen(parts, bodypix):
    """Of logits of parts [24, h, w] and of a person [h, w]: bool [R, h, w] of the REGIONS that may be seen,
    and bool [h, w] where the best one is certain.
    """
    regions = np.stack([parts[members].max(0) for members in REGION_PARTS])
    second, best = np.partition(regions, -2, 0)[-2:]
    told = bodypix > SOMEBODY
    return (regions >= best - BESIDE) & told, (best - second > CERTAIN) & told


def classes_of(own, parts, bodypix):
    """uint8 [h, w]: code of each pixel, as if of a person.

    By our own probabilities [20, h, w], BodyPix' logits of parts [24, h, w] and of a person [h, w].
    """
    seen, certain = regions_seen(parts, bodypix)
    told = seen.any(0)
    allowed = np.einsum('rc,rhw->chw', ALLOWED, seen) > 0
    allowed[1:, ~told] = True
    allowed[0] = False
    person = np.maximum(1 - own[0], 1e-3)
    ours = own[1:].argmax(0) + 1
    fitting = np.where(allowed, own, 0) / person
    merged = fitting.copy()
    for left, right in PAIRS.values():
        sides = merged[[left, right]]
        merged[[left, right]] = np.where(sides.argmax(0) == np.array([0, 1])[:, None, None], sides.sum(0), 0)
    total = np.maximum(merged.sum(0), 1e-3)
    order = np.argsort(merged, 0)
    first, second = order[-1], order[-2]
    p_first, p_second = (np.take_along_axis(merged, index[None], 0)[0] / total for index in (first, second))
    of_part = np.where(certain, REGION_CODES[seen.argmax(0)], np.uint8(CODE['somebody']))
    garments = np.isin(first, GARMENTS) & np.isin(second, GARMENTS)
    sure = p_first >= np.where(np.isin(first, GARMENTS), SURE_GARMENT, SURE_CLASS)
    codes = np.where(sure, first,
                     np.where(p_first + p_second >= SURE_PAIR, EITHER[first, second],
                              np.where(garments, CODE['garment'], of_part))).astype(np.uint8)
    glasses = CLASS['sunglasses']
    codes[(codes == CLASS['face']) & (own[glasses] > PERHAPS_GLASSES)] = EITHER[CLASS['face'], glasses]
    # Ours cannot be seen on this part of the body.
    fits = np.take_along_axis(allowed, ours[None], 0)[0]
    wrong = ~fits & (total < 0.5)
    return np.where(wrong, of_part, codes).astype(np.uint8)


def sided(codes, own, parts):
    """The codes with left and right where BodyPix tells them, by itself or with our own network."""
    codes = codes.copy()
    for limb, (left, right) in PAIRS.items():
        members = [i for i, part in enumerate(PARTS) if region_of(part) in LIMB_REGIONS[limb]]
        by_side = [parts[[i for i in members if PARTS[i].startswith(side)]].max(0)
                   for side in ('left', 'right')]
        apart = ndimage.uniform_filter(by_side[0] - by_side[1], SIDE_BLUR)
        ours = own[left] - own[right]
        limbs = np.isin(codes, (left, right, CODE[limb]))
        told = (np.abs(apart) > SIDE_ALONE) | (np.abs(apart) > SIDE_AGREED) & (apart * ours > 0)
        codes[limbs] = CODE[limb]
        codes[limbs & told & (apart > 0)], codes[limbs & told & (apart < 0)] = left, right
    return codes


def with_tissue(codes, tissue, heads):
    """The codes where the small network [3, h, w] tells hair, skin and clothes apart on heads."""
    skin, clothes, hair = tissue / np.maximum(tissue.sum(0), 1e-3)
    looked = tissue.sum(0) > 0.5
    is_hair, is_skin = (looked & (tissue[k] > SURE_TISSUE) & (share > SURE_TISSUE)
                        for k, share in ((2, hair), (0, skin)))
    del clothes
    codes = codes.copy()
    face, hair_class, hat = CLASS['face'], CLASS['hair'], CLASS['hat']
    open_head = np.isin(codes, [EITHER[face, hair_class], CODE['on-head'], CODE['somebody']]) & heads
    codes[open_head & is_hair], codes[open_head & is_skin] = hair_class, face
    codes[(codes == face) & is_hair] = EITHER[face, hair_class]
    codes[(codes == hair_class) & is_skin] = EITHER[face, hair_class]
    codes[(codes == hat) & is_hair] = EITHER[hat, hair_class]
    return codes


def label(teachers, boxes):
    """Codes uint8 [h, w] at half size and person ids uint8 [h/2, w/2] of one photograph.

    `boxes` float [N, 4] of x0, y0, x1, y1 in photo pixels, or None if nobody drew any.
    """
    height, width = teachers['own'].shape[1:]

    def enlarged(one):
        grid = Image.fromarray(np.float32(one))
        return np.asarray(grid.resize((2 * grid.width, 2 * grid.height), Image.BILINEAR))[:height, :width]

    own = teachers['own'] / np.float32(255)
    own = own / np.maximum(own.sum(0), 1e-3)
    parts = np.stack([enlarged(part) for part in teachers['parts']])
    bodypix = enlarged(teachers['person'])
    score = enlarged(teachers['margin']) + WEIGHT * bodypix
    boxed = None
    if boxes is not None:
        cells = within(boxes, teachers['margin'].shape).any(0)
        boxed = enlarged(cells) > 0.5
    state = who_is_there(score, bodypix, own[0], boxed)
    codes = sided(classes_of(own, parts, bodypix), own, parts)
    codes = with_tissue(codes, teachers['tissue'] / np.float32(255), parts.argmax(0) < HEADS)
    codes[state == 0] = CLASS['background']
    codes[state == IGNORE] = IGNORE
    mask = (state == 1)[::2, ::2]
    ids = person_ids(mask, boxes if boxes is not None else np.zeros((0, 4)), teachers['middles'],
                     np.float32(teachers['votes']), own[0, ::2, ::2] < 0.5,
                     (teachers['parts'].argmax(0) < HEADS) & (teachers['person'] > 0))
    if boxes is not None:
        for area in within(boxes, mask.shape):
            if mask[area].mean() < EMPTY_BOX:
                area = enlarged(area) > 0.5
                codes[area & (codes == 0)] = IGNORE
    return codes, ids


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('teachers', type=Path)
    parser.add_argument('ids', type=Path)
    parser.add_argument('out', type=Path)
    parser.add_argument('--boxes', type=Path, help='person_boxes.json')
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    drawn = json.loads(args.boxes.read_text()) if args.boxes else {}
    for name in args.ids.read_text().split():
        source, target = args.teachers / f'{name}.npz', args.out / f'{name}.png'
        if target.exists() or not source.exists():
            continue
        teachers = dict(np.load(source))
        boxes = None
        if name in drawn:
            height, width = (2 * side for side in teachers['own'].shape[1:])
            boxes = np.array(drawn[name]) * (width, height, width, height)
            boxes[:, 2:] += boxes[:, :2]
        codes, ids = label(teachers, boxes)
        ids = ids.repeat(2, 0).repeat(2, 1)[:codes.shape[0], :codes.shape[1]]
        ids = np.where((ids == 0) | (codes == IGNORE), UNKNOWN, ids)
        ids = np.where(codes == CLASS['background'], 0, ids)
        Image.fromarray(ids.astype(np.uint8)).save(args.out / f'{name}.people.png')
        Image.fromarray(codes).save(target)


if __name__ == '__main__':
    main()
