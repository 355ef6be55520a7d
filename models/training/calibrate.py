#!/usr/bin/env python3
"""Shift the logits of a checkpoint so that no class is called too often or too seldom.

usage: calibrate.py DATA_DIR IDS CHECKPOINT OUT_CHECKPOINT [--photos N]

Rare classes are looked for in training and count more, so the network expects them too often. One number a
class is added to its logits, chosen by coordinate ascent on the mean IoU over labelled training photographs,
seen whole as at inference. Only what the data set tells apart is told apart: parts of the skin and both shoes
share a number.
"""
import argparse
import random
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from label_codes import CIHP, CLASS, CODE, IGNORE, ccp_table
from network import Parser

SEED = 20
SHORT_SIDE, MULTIPLE = 320, 64
STEP = 6                          # px between the pixels that are looked at
SHIFTS = (0.6, 0.3, 0.15)
SKIN = ('face', 'gloves', 'torso-skin', 'left-arm', 'right-arm', 'left-leg', 'right-leg')
SHOES = ('left-shoe', 'right-shoe')
# What shares a number: [[class, ...], ...]; the background, first, keeps its own.
GROUPS = [[CLASS[name]] for name in CIHP if name not in SKIN + SHOES]
GROUPS += [[CLASS[name] for name in names] for names in (SKIN, SHOES)]


@torch.no_grad()
def group_logits(model, photo):
    """float [h, w, groups] at STEP: the highest logit of each group."""
    scale = SHORT_SIDE / min(photo.size)
    width, height = (round(side * scale) for side in photo.size)
    pixels = np.asarray(photo.resize((width, height), Image.BILINEAR), np.float32) / 127.5 - 1
    x = F.pad(torch.from_numpy(pixels).permute(2, 0, 1)[None], (0, -width % MULTIPLE, 0, -height % MULTIPLE))
    logits = model(x.contiguous(memory_format=torch.channels_last))[0]
    logits = F.interpolate(logits, scale_factor=2, mode='bilinear')[0, :, :height, :width]
    return torch.stack([logits[group, ::STEP, ::STEP].amax(0) for group in GROUPS], -1).numpy()


def mean_iou(logits, truth, shift):
    count = len(GROUPS)
    confusion = np.bincount(truth * count + (logits + shift).argmax(1), minlength=count * count)
    confusion = confusion.reshape(count, count)
    hit = np.diag(confusion)
    return (hit / np.maximum(confusion.sum(0) + confusion.sum(1) - hit, 1)).mean()


def best_shift(logits, truth):
    """float [groups]."""
    shift = np.zeros(len(GROUPS), np.float32)
    best = mean_iou(logits, truth, shift)
    print(f'mean IoU {100 * best:.2f} as trained')
    for step in SHIFTS:
        improved = True
        while improved:
            improved = False
            for group in range(1, len(GROUPS)):
                for change in (-step, step):
                    tried = shift.copy()
                    tried[group] += change
                    value = mean_iou(logits, truth, tried)
                    if value > best + 1e-5:
                        shift, best, improved = tried, value, True
    names = [CIHP[group[0]] for group in GROUPS]
    print(f'mean IoU {100 * best:.2f} with', dict(zip(names, shift.round(2).tolist(), strict=True)))
    return shift


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('data', type=Path)
    parser.add_argument('ids', type=Path)
    parser.add_argument('checkpoint', type=Path)
    parser.add_argument('out', type=Path)
    parser.add_argument('--photos', type=int, default=250)
    args = parser.parse_args()
    torch.set_num_threads(1)
    checkpoint = torch.load(args.checkpoint, map_location='cpu')
    model = Parser().eval()
    model.load_state_dict(checkpoint['average'])
    model = model.to(memory_format=torch.channels_last)
    group_of = np.full(256, IGNORE, np.uint8)
    for group, members in enumerate(GROUPS):
        group_of[members] = group
    group_of[[CODE['skin'], CODE['shoe']]] = len(GROUPS) - 2, len(GROUPS) - 1
    table = group_of[ccp_table(args.data.joinpath('classes.txt').read_text().split('\n'))]
    names = args.ids.read_text().split()
    random.Random(SEED).shuffle(names)
    logits, truth = [], []
    for name in names[:args.photos]:
        found = group_logits(model, Image.open(args.data / 'photos' / f'{name}.jpg').convert('RGB'))
        labels = Image.open(args.data / 'labels' / f'{name}.png')
        rows, columns = (np.arange(n) * STEP for n in found.shape[:2])
        scale = SHORT_SIDE / min(labels.size)
        at = [np.minimum((np.array(i) + 0.5) / scale, side - 1).astype(int)
              for i, side in ((rows, labels.size[1]), (columns, labels.size[0]))]
        wanted = table[np.asarray(labels)[np.ix_(*at)]]
        known = wanted != IGNORE
        logits.append(found[known])
        truth.append(wanted[known].astype(np.int64))
    shift = best_shift(np.concatenate(logits), np.concatenate(truth))
    bias = checkpoint['average']['classify4.bias']
    for group, members in enumerate(GROUPS):
        bias[members] += float(shift[group])
    torch.save({'average': checkpoint['average']}, args.out)


if __name__ == '__main__':
    main()
