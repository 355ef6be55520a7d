#!/usr/bin/env python3
"""Compare our M2FP with ModelScope's, on the same weights and photo.

usage: check_m2fp.py CHECKPOINT PHOTO HEIGHT WIDTH [--single] [--tiny]

CHECKPOINT may be a published pytorch_model.pt or a random one (make_m2fp_template.py --random). The photo is
stretched to the size, two multiples of 32. Fails if a query differs by more than 1e-3 in the median.
m2fp/requirements-modelscope.txt has the packages.
"""
import argparse
import sys

import numpy as np
import torch
from PIL import Image

from m2fp.modelscope_reference import modelscope_model, modelscope_outputs
from m2fp.network import M2FP, Sizes
from make_m2fp_template import TINY

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
TOLERANCE = 1e-3


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('checkpoint')
    parser.add_argument('photo')
    parser.add_argument('height', type=int)
    parser.add_argument('width', type=int)
    parser.add_argument('--single', action='store_true', help='the single-human model (LIP)')
    parser.add_argument('--tiny', action='store_true')
    args = parser.parse_args()
    torch.set_num_threads(1)
    sizes = Sizes(classes=20 if args.single else 21, **(TINY if args.tiny else {}))
    weights = torch.load(args.checkpoint, map_location='cpu', weights_only=True)['model']
    weights = {key: value for key, value in weights.items() if not key.startswith('criterion.')}
    photo = Image.open(args.photo).convert('RGB').resize((args.width, args.height), Image.BILINEAR)
    tensor = (torch.from_numpy(np.array(photo)).float() - torch.tensor(MEAN)) / torch.tensor(STD)
    tensor = tensor.permute(2, 0, 1)[None]
    ours = M2FP(sizes).eval()
    ours.load_state_dict(weights)
    with torch.no_grad():
        answers = ours(tensor)
    del ours
    references = modelscope_outputs(modelscope_model(sizes, weights), tensor)
    worst = 0
    for name, answer, reference in zip(('class logits', 'mask logits'), answers, references, strict=True):
        error = (answer - reference)[0].abs().flatten(1)
        medians = error.median(1).values
        worst = max(worst, medians.max().item())
        print(f'{name}: standard deviation {reference.std():.3g}, largest difference {error.max():.3g}, '
              f'median of the worst query {medians.max():.3g}')
    on, off = (answers[1] > 0)[0].flatten(1), (references[1] > 0)[0].flatten(1)
    overlap = (on & off).sum(1) / (on | off).sum(1).clamp(min=1)
    print(f'masks: smallest IoU {overlap[(on | off).any(1)].min():.6f}')
    sys.exit(0 if worst <= TOLERANCE else f'a query differs by {worst:.3g} in the median, above {TOLERANCE}')


if __name__ == '__main__':
    main()
