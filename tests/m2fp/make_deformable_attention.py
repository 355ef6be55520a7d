#!/usr/bin/env python3
"""Write deformable_attention.json beside this file: random inputs of the node MSDeformAttn, torch's output.

usage: make_deformable_attention.py      (needs torch)
"""
import json
import sys
from pathlib import Path

import torch

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / 'models'))
from m2fp.deformable_attention import ms_deform_attn  # noqa: E402

SHAPES = torch.tensor([[1, 2], [2, 3], [3, 5]])


def case(heads, points, channels):
    tokens, samples = int(SHAPES.prod(1).sum()), heads * len(SHAPES) * points

    def random(columns, scale):
        return torch.round(torch.randn(tokens, columns) * scale * 1000) / 1000

    value, offsets, logits = random(channels, 1), random(2 * samples, 1.5), random(samples, 2)
    output = ms_deform_attn(value, offsets, logits, SHAPES, heads, points)

    def numbers(tensor, digits):
        return [round(number, digits) for number in tensor.flatten().tolist()]

    return {'heads': heads, 'points': points, 'shapes': SHAPES.flatten().tolist(), 'value': numbers(value, 3),
            'offsets': numbers(offsets, 3), 'logits': numbers(logits, 3), 'output': numbers(output, 7)}


def main():
    torch.manual_seed(4)
    cases = [case(heads=2, points=2, channels=12), case(heads=1, points=1, channels=37)]
    (HERE / 'deformable_attention.json').write_text(json.dumps(cases, separators=(',', ':')) + '\n')


if __name__ == '__main__':
    main()
