#!/usr/bin/env python3
"""Write the golden files beside this one with ModelScope's own pipeline; README.md here says what they are.

usage: make_golden.py [--photo]     (needs models/m2fp/requirements-modelscope.txt)

--photo also makes photo.png, from www/samples.
"""
import argparse
import json
import sys
from pathlib import Path

import torch
from PIL import Image

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / 'models'))
from m2fp.modelscope_reference import (  # noqa: E402
    modelscope_model,
    modelscope_pipeline,
    prepare,
    write_results,
)
from m2fp.network import M2FP, Predictor, Sizes  # noqa: E402
from make_m2fp_template import TINY  # noqa: E402

MULTI = (96, 320)                   # px, short and longest side of multi; published 640 and 1333
SINGLE = (64, 96)                   # px, width and height of single; published 384 and 512
FACE = (150, 0, 330, 144)           # px, of www/samples/skimage_astronaut.png, which photo.png shows
PHOTO = (150, 120)                  # px
MARGIN = 2e-5                       # how near 0 a mask logit that decides over attention may be


def smallest_margin(sizes, weights, tensor):
    """How near 0 the mask logits come that decide which query sees which token."""
    ours = M2FP(sizes).eval()
    ours.load_state_dict(weights)
    nearest = []

    def blocked(self, x, features, original=Predictor.blocked):
        nearest.append((self.mask_query(x) @ features).abs().min().item())
        return original(self, x, features)

    Predictor.blocked, kept = blocked, Predictor.blocked
    with torch.no_grad():
        ours(tensor)
    Predictor.blocked = kept
    return min(nearest)


def write_golden(name, sizes, input_size):
    weights = torch.load(HERE / f'tiny-{name}.pt', weights_only=True)['model']
    weights = {key: value for key, value in weights.items() if not key.startswith('criterion.')}
    pipeline = modelscope_pipeline(modelscope_model(sizes, weights))
    prepared = prepare(pipeline, Image.open(HERE / 'photo.png'), input_size)
    with torch.no_grad():
        answer = pipeline.model.forward(prepared)
    margin = smallest_margin(sizes, weights, answer['images'].tensor)
    assert margin > MARGIN, f'{name}: a mask logit is {margin} from 0, results would depend on rounding'
    write_results(pipeline, prepared, answer, HERE / name)


def input_sizes():
    """What sizes photos of many sizes are resized to, and for single where they lie."""
    cases = []
    multi, single = (modelscope_pipeline(None) for _ in range(2))

    class Single:
        single_human, input_single_human = True, {'sizes': [[384, 512]]}

    single.model = Single
    for width, height in [
            (1280, 720), (720, 1280), (640, 640), (64, 64), (100, 333), (333, 100), (641, 639), (1333, 640),
            (1334, 640), (1999, 960), (2000, 959), (4000, 1000), (1000, 4000), (5000, 7), (383, 511),
            (384, 512), (383, 512), (384, 511), (383, 400), (200, 512), (382, 510), (385, 513), (385, 512),
            (384, 513), (768, 1024), (1024, 768), (500, 400), (400, 500), (399, 800), (1, 1),
            (3000, 2999), (769, 1024)]:
        h, w = multi._get_preprocess_shape(height, width, 640, 1333)
        photo = Image.new('RGB', (width, height), (200, 200, 200))
        if min(width, height) * 512 < max(width, height):
            entry = {}      # shrinks to nothing
        else:
            prepared = single.preprocess(photo)['batched_inputs'][0]
            pixels = prepared['image'].numpy()
            entry = {'box': prepared['crop_box'], 'size': [pixels.shape[2], pixels.shape[1]]}
        cases.append({'photo': [width, height], 'multi': [w, h], **({'single': entry} if entry else {})})
    (HERE / 'input_sizes.json').write_text('[\n' + ',\n'.join(map(json.dumps, cases)) + '\n]\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--photo', action='store_true', help='make photo.png first')
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.photo:
        astronaut = Image.open(HERE.parents[1] / 'www/samples/skimage_astronaut.png').convert('RGB')
        astronaut.crop(FACE).resize(PHOTO, Image.LANCZOS).save(HERE / 'photo.png', optimize=True)
    write_golden('multi', Sizes(classes=21, **TINY), MULTI)
    write_golden('single', Sizes(classes=20, **TINY), SINGLE)
    input_sizes()


if __name__ == '__main__':
    main()
