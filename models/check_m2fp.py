#!/usr/bin/env python3
"""Compare our M2FP with ModelScope's, on the same weights and photo.

usage: check_m2fp.py CHECKPOINT PHOTO [--single] [--tiny] [--size A B] [--write FOLDER]

CHECKPOINT may be a published pytorch_model.pt or a random one (make_m2fp_template.py --random).
ModelScope's pipeline prepares the photo. Fails if a query differs by more than 1e-3 in the median.
--write also writes what ModelScope answers and returns, in the files that tests/m2fp/README.md lists.
m2fp/requirements-modelscope.txt has the packages.
"""
import argparse
import sys
from pathlib import Path

import torch
from PIL import Image

from m2fp.modelscope_reference import modelscope_model, modelscope_pipeline, prepare, write_results
from m2fp.network import M2FP, Sizes
from make_m2fp_template import TINY

TOLERANCE = 1e-3


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('checkpoint')
    parser.add_argument('photo')
    parser.add_argument('--single', action='store_true', help='the single-human model (LIP)')
    parser.add_argument('--tiny', action='store_true')
    parser.add_argument('--size', type=int, nargs=2, metavar=('A', 'B'),
                        help='px; short and longest side (640 1333), or width and height (384 512)')
    parser.add_argument('--write', type=Path, metavar='FOLDER')
    args = parser.parse_args()
    torch.set_num_threads(1)
    sizes = Sizes(classes=20 if args.single else 21, **(TINY if args.tiny else {}))
    weights = torch.load(args.checkpoint, map_location='cpu', weights_only=True)['model']
    weights = {key: value for key, value in weights.items() if not key.startswith('criterion.')}
    pipeline = modelscope_pipeline(modelscope_model(sizes, weights))
    prepared = prepare(pipeline, Image.open(args.photo), args.size)
    with torch.no_grad():
        answer = pipeline.model.forward(prepared)
        ours = M2FP(sizes).eval()
        ours.load_state_dict(weights)
        tensor = answer['images'].tensor
        answers = ours(tensor)
    print(f'input {tensor.shape[3]}x{tensor.shape[2]}')
    worst = 0
    references = [answer['outputs'][name] for name in ('pred_logits', 'pred_masks')]
    for name, own, reference in zip(('class logits', 'mask logits'), answers, references, strict=True):
        error = (own - reference)[0].abs().flatten(1)
        medians = error.median(1).values
        worst = max(worst, medians.max().item())
        print(f'{name}: standard deviation {reference.std():.3g}, largest difference {error.max():.3g}, '
              f'median of the worst query {medians.max():.3g}')
    one, other = (masks[0].flatten(1) > 0 for masks in (answers[1], references[1]))
    overlap = (one & other).sum(1) / (one | other).sum(1)
    print(f'masks: smallest IoU {overlap[(one | other).any(1)].min():.6f}')
    if args.write:
        write_results(pipeline, prepared, answer, args.write)
    sys.exit(0 if worst <= TOLERANCE else f'a query differs by {worst:.3g} in the median, above {TOLERANCE}')


if __name__ == '__main__':
    main()
