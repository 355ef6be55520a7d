#!/usr/bin/env python3
"""Score a checkpoint on the photographs to choose by, without the program: quick, to compare weights.

usage: score_checkpoint.py CHOOSE_DIR CHECKPOINT... [--device cpu|cuda]

CHOOSE_DIR/wild has <id>.jpg, <id>.png and <id>.people.png; CHOOSE_DIR/street <id>.jpg, <id>.png of the data
set's ids, and classes.txt (pack_for_gpu.py makes both). Every photograph is parsed at SHORT_SIDE, plain and
mirrored, without the program's later steps: scores are not those of models/evaluation, but compare.
"""
import argparse
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from label_codes import CIHP, mirror_table
from network import Parser, half_precision

sys.path.append(str(Path(__file__).parents[1] / 'evaluation'))
sys.path.append(str(Path(__file__).parents[1]))
import measures

from evaluate import MERGED, merged_result, merged_truth

SHORT_SIDE, LONGEST, MULTIPLE = 384, 704, 64
MIN_MIDDLE, APART, CELL = 0.3, 5, 4


def forward(model, x):
    """Logits, centres and offsets of float [1, 3, H, W], the mean with the mirrored photo's."""
    swap = torch.from_numpy(mirror_table()[:len(CIHP)].astype(np.int64)).to(x.device)
    answers = []
    for mirrored in (False, True):
        shown = (x.flip(3) if mirrored else x).contiguous(memory_format=torch.channels_last)
        with half_precision(x.device):
            logits, centers, offsets = (output.float() for output in model(shown))
        if mirrored:
            logits, centers, offsets = logits.flip(3)[:, swap], centers.flip(3), offsets.flip(3)
            offsets = offsets * torch.tensor([-1.0, 1.0], device=x.device)[:, None, None]
        answers.append((logits, centers, offsets))
    return [(a + b) / 2 for a, b in zip(*answers, strict=True)]


def person_of(centers, offsets):
    """int [h, w]: which middle each cell votes for, from 1 on; 0 where there is none."""
    heat = centers[0, 0]
    top = (F.max_pool2d(centers, APART, 1, APART // 2)[0, 0] == heat) & (heat > MIN_MIDDLE)
    middles = top.nonzero().float() * CELL
    if not len(middles):
        return torch.zeros_like(heat, dtype=torch.long)
    rows, columns = (torch.arange(n, device=heat.device) * float(CELL) for n in heat.shape)
    ends = torch.stack([rows[:, None] + offsets[0, 1], columns[None] + offsets[0, 0]], 2)
    return torch.cdist(ends.flatten(0, 1), middles).argmin(1).reshape(heat.shape) + 1


@torch.no_grad()
def parsed(model, photo, device):
    """uint8 [H, W] classes and int [H, W] people of an RGB PIL picture."""
    width, height = photo.size
    scale = min(SHORT_SIDE / min(photo.size), LONGEST / max(photo.size))
    w, h = round(width * scale), round(height * scale)
    small = np.asarray(photo.resize((w, h), Image.BILINEAR), np.float32) / 127.5 - 1
    x = torch.from_numpy(small).permute(2, 0, 1)[None].to(device)
    logits, centers, offsets = forward(model, F.pad(x, (0, -w % MULTIPLE, 0, -h % MULTIPLE)))
    classes = F.interpolate(logits, scale_factor=2, mode='bilinear')[..., :h, :w]
    classes = F.interpolate(classes, (height, width), mode='bilinear')[0].argmax(0)
    people = person_of(centers, offsets).repeat_interleave(CELL, 0).repeat_interleave(CELL, 1)[:h, :w]
    people = F.interpolate(people[None, None].float(), (height, width), mode='nearest')[0, 0].long()
    return classes.to(torch.uint8).cpu().numpy(), (people * (classes > 0)).cpu().numpy()


def read(path):
    return np.asarray(Image.open(path))


def wild(model, folder, device):
    pixels, limbs, counts = np.zeros((20, 20), np.int64), np.zeros((3, 3), np.int64), np.zeros(2, int)
    for path in sorted(folder.glob('*.jpg')):
        truth, people = (read(path.with_suffix(end)) for end in ('.png', '.people.png'))
        classes, found = parsed(model, Image.open(path).convert('RGB'), device)
        pixels += measures.confusion(truth, classes)
        limbs += measures.sides(truth, classes)
        counts += measures.found_people(np.where(truth < 20, people, measures.UNKNOWN), found)
    iou = measures.class_iou(pixels)
    _, found, right = limbs.sum(0)
    print('  ' + ' '.join(f'{name} {100 * v:.0f}' for name, v in zip(CIHP, iou, strict=True) if v == v))
    print(f'  wild: mIoU-20 {100 * np.nanmean(iou):.2f} person {100 * measures.person_iou(pixels):.2f} '
          f'people {counts[0]}/{counts[1]} sides {100 * right / max(found, 1):.2f}')


def street(model, folder, device):
    truth_table = merged_truth((folder / 'classes.txt').read_text().split())
    pixels = np.zeros((len(MERGED), len(MERGED)), np.int64)
    for path in sorted(folder.glob('*.jpg')):
        photo = Image.open(path).convert('RGB')
        truth = truth_table[read(path.with_suffix('.png'))]
        classes, _ = parsed(model, photo, device)
        if classes.shape != truth.shape:      # a few truths differ from their photograph by a pixel
            classes = np.asarray(Image.fromarray(classes).resize(truth.shape[::-1], Image.NEAREST))
        pixels += measures.confusion(truth, merged_result()[classes], len(MERGED))
    iou = np.nan_to_num(measures.class_iou(pixels))
    print('  ' + ' '.join(f'{name} {100 * v:.0f}' for name, v in zip(MERGED, iou, strict=True)))
    print(f'  street: mIoU-13 {100 * iou.mean():.2f} person {100 * measures.person_iou(pixels):.2f}')


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('choose', type=Path)
    parser.add_argument('checkpoints', type=Path, nargs='+')
    parser.add_argument('--device', choices=('cpu', 'cuda'), default='cpu')
    args = parser.parse_args()
    torch.set_num_threads(1)
    for checkpoint in args.checkpoints:
        print(checkpoint)
        model = Parser().eval()
        model.load_state_dict(torch.load(checkpoint, map_location='cpu')['average'])
        model = model.to(args.device, memory_format=torch.channels_last)
        wild(model, args.choose / 'wild', args.device)
        street(model, args.choose / 'street', args.device)


if __name__ == '__main__':
    main()
