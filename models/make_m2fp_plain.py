#!/usr/bin/env python3
"""Write M2FP in standard ONNX operators, for the engines that `scripts/bench` compares with.

usage: make_m2fp_plain.py CHECKPOINT.pt OUT_DIR WIDTHxHEIGHT...
  CHECKPOINT  multi-human, as ModelScope publishes it or as `make_m2fp_template.py --random SEED` makes it

Its deformable attention is looked up row by row in m2fp-gather-WIDTHxHEIGHT.onnx and is GridSample in
m2fp-gridsample-WIDTHxHEIGHT.onnx, 253 MB each.
"""
import argparse
from pathlib import Path

import torch
import torch.nn.functional as F

from m2fp import network
from m2fp.network import M2FP, Sizes

OPSET = 17


def levels(offsets, logits, shapes, heads, points):
    """For each level its start, height and width, where to sample it, [heads, tokens, points, (x, y)] in
    pixels whose middles are whole numbers, and the weights of the samples, [heads, tokens, points, 1].
    Sizes become constants of the graph."""
    tokens, sides = offsets.shape[0], shapes.tolist()
    offsets = offsets.view(tokens, heads, len(sides), points, 2).permute(2, 1, 0, 3, 4)
    weights = logits.view(tokens, heads, -1).softmax(-1)
    weights = weights.view(tokens, heads, len(sides), points).permute(2, 1, 0, 3)
    middles = torch.cat([torch.stack([((torch.arange(width) + 0.5) / width).expand(height, width),
                                      ((torch.arange(height) + 0.5) / height)[:, None].expand(height, width)],
                                     -1).flatten(0, 1) for height, width in sides])[:, None]
    start = 0
    for level, (height, width) in enumerate(sides):
        at = middles * torch.tensor([width, height]) + offsets[level] - 0.5
        yield start, height, width, at, weights[level][..., None]
        start += height * width


def gather_form(value, offsets, logits, shapes, heads, points):
    tokens, channels = value.shape
    depth = channels // heads
    output = torch.zeros(heads, tokens, depth)
    for start, height, width, at, weights in levels(offsets, logits, shapes, heads, points):
        pixels = height * width
        rows = value[start:start + pixels].view(pixels, heads, depth).transpose(0, 1).reshape(-1, depth)
        first = at.floor()
        for right in (0, 1):
            for below in (0, 1):
                x, y = (first + torch.tensor([right, below], dtype=at.dtype)).unbind(-1)
                near = 1 - (at - torch.stack([x, y], -1)).abs()
                inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
                place = y.clamp(0, height - 1) * width + x.clamp(0, width - 1)
                place = place.long() + torch.arange(heads)[:, None, None] * pixels
                samples = rows[place.flatten()].view(heads, tokens, points, depth)
                share = near[..., :1] * near[..., 1:] * inside[..., None] * weights
                output = output + (samples * share).sum(2)
    return output.transpose(0, 1).reshape(tokens, channels)


def gridsample_form(value, offsets, logits, shapes, heads, points):
    tokens, channels = value.shape
    depth = channels // heads
    output = torch.zeros(heads, depth, tokens)
    for start, height, width, at, weights in levels(offsets, logits, shapes, heads, points):
        plane = value[start:start + height * width].t().reshape(heads, depth, height, width)
        at = (2 * at + 1) / torch.tensor([width, height]) - 1
        samples = F.grid_sample(plane, at, align_corners=False)
        output = output + (samples * weights.view(heads, 1, tokens, points)).sum(-1)
    return output.permute(2, 0, 1).reshape(tokens, channels)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('checkpoint', type=Path)
    parser.add_argument('out', type=Path)
    parser.add_argument('sizes', nargs='+', metavar='WIDTHxHEIGHT')
    args = parser.parse_args()
    model = M2FP(Sizes()).eval()
    weights = torch.load(args.checkpoint, map_location='cpu', weights_only=True)['model']
    known = model.state_dict()
    model.load_state_dict({key: weights[key] for key in known})
    args.out.mkdir(parents=True, exist_ok=True)
    expected = network.ms_deform_attn
    for size in args.sizes:
        width, height = (int(side) for side in size.split('x'))
        photo = torch.zeros(1, 3, height, width)
        for name, form in (('gather', gather_form), ('gridsample', gridsample_form)):
            check(form, expected)
            network.ms_deform_attn = form
            torch.onnx.export(
                model, (photo,), args.out / f'm2fp-{name}-{size}.onnx', opset_version=OPSET, dynamo=False,
                input_names=['photo'], output_names=['class_logits', 'mask_logits'])


def check(form, expected):
    """A form computes what the node does."""
    shapes = torch.tensor([[2, 3], [4, 6], [8, 12]])
    tokens, heads, points = int(shapes.prod(1).sum()), 8, 4
    random = torch.Generator().manual_seed(0)
    value, offsets, logits = (
        torch.randn(tokens, columns, generator=random) * deviation
        for columns, deviation in ((256, 1), (heads * 3 * points * 2, 3), (heads * 3 * points, 1)))
    arguments = value, offsets, logits, shapes, heads, points
    assert torch.allclose(form(*arguments), expected(*arguments), atol=1e-5)


if __name__ == '__main__':
    main()
