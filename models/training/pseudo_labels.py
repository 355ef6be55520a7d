#!/usr/bin/env python3
"""Training label maps for the photographs that have tags only: the network's own answer, held to the tags.

usage: pseudo_labels.py DATA_DIR TEACHER_DIR MOVENET_JSON CHECKPOINT OUT_DIR [--part I/N]

Every photograph is parsed plain and mirrored. Garments that its tags do not name get no say, those that
they name are made more probable until some part of the picture is theirs; what stays in doubt is ignored.
What was drawn by hand (drawn_by_hand.py) is where it was drawn and nowhere else. Skin and shoes are split
by the teacher's landmarks as in prepare_labels.py, either side allowed where the network says otherwise;
people beside the largest one are ignored. Writes OUT_DIR/<id>.png; what exists is skipped.
"""
import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from body_parts import Body, split_shoes, split_skin
from bystander_boxes import PersonBoxes
from drawn_by_hand import Drawn
from label_codes import CCP_NAMES, CIHP, CLASS, CODE, IGNORE, PAIRS, mirror_table, read_tags
from network import Parser, half_precision
from prepare_labels import SAME_PERSON_IOU, box_iou, landmarks_fit

SHORT_SIDES = (384,)
MULTIPLE = 64
# Below these the pixel is ignored.
MIN_PROBABILITY, MIN_BACKGROUND = 0.5, 0.6
# Part of the picture that a garment takes at least where it is worn; the probability of its last pixel is
# raised to LIKELY, but the log odds by no more than MOST_RAISED.
SMALLEST_PART = {'sunglasses': 0.0004, 'gloves': 0.0006, 'socks': 0.0015, 'hat': 0.003, 'scarf': 0.006,
                 'skirt': 0.025, 'pants': 0.025, 'upper-clothes': 0.01, 'coat': 0.04, 'dress': 0.04}
# What these tags name covers the legs.
LARGER_PART = {'stockings': ('socks', 0.02), 'tights': ('socks', 0.02)}
LIKELY, MOST_RAISED = 0.7, 4.0
# Two halves of one person: so much of the narrower box is in the wider one's column, so wide it is at least.
IN_COLUMN, AS_WIDE = 0.8, 0.6
SKIN = ('face', 'torso-skin', 'left-arm', 'right-arm', 'left-leg', 'right-leg')
ALWAYS = ('background', 'hair', *SKIN, 'left-shoe', 'right-shoe')


def allowed_classes(tagged):
    """bool [20]: classes that the tags (names of Clothing Co-Parsing) leave possible."""
    allowed = np.zeros(len(CIHP), bool)
    allowed[[CLASS[name] for name in ALWAYS]] = True
    for name, members in CCP_NAMES.items():
        if name in CLASS and tagged & set(members.split()):
            allowed[CLASS[name]] = True
    if 'suit' in tagged:
        allowed[[CLASS['coat'], CLASS['pants']]] = True
    return allowed


def with_worn(log_p, allowed, tagged):
    """float [20, H, W]: log_p given that what is allowed and tagged is there, what is not allowed is not."""
    parts = SMALLEST_PART | dict(LARGER_PART[name] for name in tagged if name in LARGER_PART)
    log_p = F.log_softmax(log_p.masked_fill(~torch.from_numpy(allowed)[:, None, None], -30.0), 0)
    for name, part in parts.items():
        index = CLASS[name]
        if allowed[index]:
            p = log_p[index].flatten().exp()
            last = p.kthvalue(len(p) - int(part * len(p))).values
            raised = (np.log(LIKELY / (1 - LIKELY)) - torch.logit(last, 1e-6)).clamp(0, MOST_RAISED)
            log_p[index] += raised
            log_p = F.log_softmax(log_p, 0)
    return log_p


def one_above_the_other(a, b):
    """Whether boxes x0, y0, x1, y1 are in one column and about as wide: a person's upper and lower half."""
    widths = a[2] - a[0], b[2] - b[0]
    shared = min(a[2], b[2]) - max(a[0], b[0])
    return shared > IN_COLUMN * min(widths) and min(widths) > AS_WIDE * max(widths)


def log_probabilities(model, photo):
    """float [20, H/2, W/2] of uint8 [H, W, 3]: the mean over sizes and mirrored twins."""
    height, width = photo.shape[:2]
    swap = torch.from_numpy(mirror_table()[:len(CIHP)].astype(np.int64))
    total = 0
    for short in SHORT_SIDES:
        scale = short / min(height, width)
        h, w = round(height * scale), round(width * scale)
        small = np.asarray(Image.fromarray(photo).resize((w, h), Image.BILINEAR), np.float32) / 127.5 - 1
        x = torch.from_numpy(small).permute(2, 0, 1)[None]
        for mirrored in (False, True):
            y = F.pad(x.flip(3) if mirrored else x, (0, -w % MULTIPLE, 0, -h % MULTIPLE))
            with half_precision(y.device):
                logits = model(y.contiguous(memory_format=torch.channels_last))[0].float()
            logits = F.interpolate(logits, scale_factor=2, mode='bilinear')[..., :h, :w]
            if mirrored:
                logits = logits.flip(3)[:, swap]
            total = total + F.interpolate(logits, (height // 2, width // 2), mode='bilinear')
    return F.log_softmax(total[0] / (2 * len(SHORT_SIDES)), 0)


def codes_of(log_p, size, teacher, boxes):
    """uint8 [H, W] codes."""
    p = log_p.exp().numpy()
    height, width = size
    skin, shoes = [CLASS[c] for c in SKIN], [CLASS['left-shoe'], CLASS['right-shoe']]
    merged = p.copy()
    for members in (skin, shoes):
        merged[members[0]], merged[members[1:]] = p[members].sum(0), 0
    best = merged.argmax(0).astype(np.uint8)
    sure = merged.max(0) >= np.where(best == 0, MIN_BACKGROUND, MIN_PROBABILITY)
    best, sure, fine = (np.asarray(Image.fromarray(a.astype(np.uint8)).resize((width, height), Image.NEAREST))
                        for a in (best, sure, p.argmax(0)))
    codes = best.copy()
    body = Body(teacher['body'], teacher['face'])
    use_landmarks = body.usable() and landmarks_fit(body, codes)
    for members, name, split in ((skin, 'skin', split_skin), (shoes, 'shoe', split_shoes)):
        pixels = best == members[0]
        if not pixels.any():
            continue
        limited = np.isin(fine, members)
        codes[pixels] = split(pixels, body) if use_landmarks else np.where(limited, fine, CODE[name])[pixels]
    for limb, sides in PAIRS.items():
        codes[np.isin(codes, sides) & np.isin(fine, sides) & (codes != fine)] = CODE[limb]
    codes[sure == 0] = IGNORE
    if len(boxes):
        main = boxes[np.argmax((boxes[:, 2:] - boxes[:, :2]).prod(1))]
        x0, y0, x1, y1 = (max(int(v), 0) for v in main)
        keep = np.zeros(codes.shape, bool)
        keep[y0:y1 + 1, x0:x1 + 1] = True
        for box in boxes:
            if box_iou(box, main) <= SAME_PERSON_IOU and not one_above_the_other(box, main):
                x0, y0, x1, y1 = (max(int(v), 0) for v in box)
                area = np.zeros_like(keep)
                area[y0:y1 + 1, x0:x1 + 1] = True
                codes[area & ~keep] = IGNORE
    return codes


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('data', type=Path)
    parser.add_argument('teacher', type=Path)
    parser.add_argument('movenet', type=Path, help='movenet-multipose.json')
    parser.add_argument('checkpoint', type=Path)
    parser.add_argument('out', type=Path)
    parser.add_argument('--part', default='0/1', help='one of so many equal parts of the list')
    args = parser.parse_args()
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    names = args.data.joinpath('classes.txt').read_text().split('\n')
    tags = read_tags(args.data)
    model = Parser().eval()
    model.load_state_dict(torch.load(args.checkpoint, map_location='cpu')['average'])
    model = model.to(memory_format=torch.channels_last)
    person_boxes = PersonBoxes(args.movenet)
    part, parts = map(int, args.part.split('/'))
    for name in sorted(tags)[part::parts]:
        target = args.out / f'{name}.png'
        if target.exists() or not (args.teacher / f'{name}.npz').exists():
            continue
        photo = np.asarray(Image.open(args.data / 'photos' / f'{name}.jpg').convert('RGB'))
        drawn = Drawn(name)
        tagged = {names[tag] for tag in tags[name]}
        allowed = allowed_classes(tagged)
        allowed[drawn.classes()] = False
        log_p = with_worn(log_probabilities(model, photo), allowed, tagged)
        codes = codes_of(log_p, photo.shape[:2], np.load(args.teacher / f'{name}.npz'),
                         2 * person_boxes(photo[::2, ::2]))
        codes = drawn.put(photo, codes)
        Image.fromarray(codes).save(target.with_suffix('.part'), 'PNG')
        target.with_suffix('.part').rename(target)


if __name__ == '__main__':
    main()
