#!/usr/bin/env python3
"""Convert a checkpoint of SCHP (Self-Correction for Human Parsing, Li et al. 2019) to a model of bodymap.

usage: convert_schp.py CHECKPOINT OUT [--precision f16|f32] [--tiny]
       convert_schp.py CHECKPOINT --random SEED --classes 20|18|7 [--tiny]

CHECKPOINT is one of the published exp-schp-*.pth: LIP (20 classes), ATR (18) or Pascal-Person-Part (7).
OUT is a folder for model and card. --random writes a checkpoint of random weights instead, to test with;
--tiny is for those of narrow layers. The conversion is checked by ONNX Runtime against torch.
"""
import argparse
import math
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from onnx_model import plain_and_mirrored, spread, write_semantic_model

MEAN, STD = (0.406, 0.456, 0.485), (0.225, 0.224, 0.229)     # blue, green, red, on 0..1
LABEL_SETS = {20: ('lip', 'LIP', 473), 18: ('atr', 'ATR', 512), 7: ('pascal', 'Pascal-Person-Part', 512)}
TINY_SIDE = 97      # px
POOLS = (1, 2, 3, 6)
NORM_EPS = 1e-5


@dataclass(frozen=True)
class Sizes:
    """What differs between variants; the defaults are those of the published models."""
    stem: int = 64
    width: int = 64             # of the bottlenecks of layer1; it doubles from layer to layer
    blocks: tuple = (3, 4, 23, 3)
    context: int = 512
    features: int = 256
    detail: int = 48            # channels of the maps at 1/4 that join the decoder


TINY = Sizes(stem=4, width=2, blocks=(1, 1, 2, 1), context=8, features=8, detail=4)


def conv(inputs, outputs, kernel=1, stride=1, dilation=1):
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2 * dilation, dilation, bias=False)


def conv_norm(inputs, outputs, kernel=1):
    return [conv(inputs, outputs, kernel), nn.BatchNorm2d(outputs, NORM_EPS)]


def leaky(x):
    return F.leaky_relu(x, 0.01)


def resize(x, like):
    return F.interpolate(x, size=tuple(like.shape[2:]), mode='bilinear', align_corners=True)


def pooling(size, length):
    """Matrix [size, length] of an adaptive average pool along one axis."""
    edges = [(i * length // size, -(-(i + 1) * length // size)) for i in range(size)]
    return torch.tensor([[(start <= x < end) / (end - start) for x in range(length)] for start, end in edges])


class Bottleneck(nn.Module):
    def __init__(self, inputs, width, stride, dilation):
        super().__init__()
        self.conv1, self.bn1 = conv_norm(inputs, width)
        self.conv2, self.bn2 = conv(width, width, 3, stride, dilation), nn.BatchNorm2d(width, NORM_EPS)
        self.conv3, self.bn3 = conv_norm(width, 4 * width)
        self.downsample = None
        if stride != 1 or inputs != 4 * width:
            norm = nn.BatchNorm2d(4 * width, NORM_EPS)
            self.downsample = nn.Sequential(conv(inputs, 4 * width, 1, stride), norm)

    def forward(self, x):
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu())).relu()
        return (self.bn3(self.conv3(y)) + (x if self.downsample is None else self.downsample(x))).relu()


class Context(nn.Module):
    """Pyramid pooling: means over parts of the picture beside each pixel."""

    def __init__(self, inputs, outputs):
        super().__init__()
        # The pooling has no weights: Identity keeps the numbers of the checkpoint's keys.
        self.stages = nn.ModuleList(nn.Sequential(nn.Identity(), *conv_norm(inputs, outputs)) for _ in POOLS)
        self.bottleneck = nn.Sequential(*conv_norm(inputs + len(POOLS) * outputs, outputs, 3))

    def forward(self, x):
        height, width = x.shape[2], x.shape[3]
        parts = [resize(leaky(stage(pooling(size, height) @ x @ pooling(size, width).t())), x)
                 for size, stage in zip(POOLS, self.stages, strict=True)]
        return leaky(self.bottleneck(torch.cat([*parts, x], 1)))


class Schp(nn.Module):
    """photo [1, 3, side, side], normalised, blue first -> logits [1, classes, side, side]

    Names are those of the published checkpoints, with `module.` before them. What only training needs, the
    outputs of decoder and edges, is loaded but not computed.
    """

    def __init__(self, classes, sizes):
        super().__init__()
        features, inputs = sizes.features, 2 * sizes.stem
        self.conv1, self.bn1 = conv(3, sizes.stem, 3, 2), nn.BatchNorm2d(sizes.stem, NORM_EPS)
        self.conv2, self.bn2 = conv_norm(sizes.stem, sizes.stem, 3)
        self.conv3, self.bn3 = conv_norm(sizes.stem, inputs, 3)
        for i, blocks in enumerate(sizes.blocks):
            width, stride, dilation = sizes.width << i, (1, 2, 2, 1)[i], (1, 1, 1, 2)[i]
            layer = [Bottleneck(inputs, width, stride, dilation)]
            layer += [Bottleneck(4 * width, width, 1, dilation) for _ in range(blocks - 1)]
            setattr(self, f'layer{i + 1}', nn.Sequential(*layer))
            inputs = 4 * width
        self.context_encoding = Context(inputs, sizes.context)
        low, middle, high = (4 * sizes.width << i for i in range(3))
        self.edge = nn.ModuleDict({
            'conv1': nn.Sequential(*conv_norm(low, features)),
            'conv2': nn.Sequential(*conv_norm(middle, features)),
            'conv3': nn.Sequential(*conv_norm(high, features)),
            'conv4': nn.Conv2d(features, 2, 3, padding=1), 'conv5': nn.Conv2d(6, 2, 1)})
        self.decoder = nn.ModuleDict({
            'conv1': nn.Sequential(*conv_norm(sizes.context, features)),
            'conv2': nn.Sequential(*conv_norm(low, sizes.detail)),
            'conv3': nn.Sequential(*conv_norm(features + sizes.detail, features),
                                   *conv_norm(features, features)),
            'conv4': nn.Conv2d(features, classes, 1)})
        # 2 is a dropout.
        self.fushion = nn.Sequential(*conv_norm(4 * features, features), nn.Identity(),
                                     nn.Conv2d(features, classes, 1))

    def forward(self, photo):
        x = photo
        for i in range(1, 4):
            x = getattr(self, f'bn{i}')(getattr(self, f'conv{i}')(x)).relu()
        x = F.max_pool2d(x, 3, 2, 1)
        maps = []
        for i in range(1, 5):
            x = getattr(self, f'layer{i}')(x)
            maps.append(x)
        fine = maps[0]
        deep = resize(leaky(self.decoder['conv1'](self.context_encoding(x))), fine)
        parts = torch.cat([deep, leaky(self.decoder['conv2'](fine))], 1)
        conv1, norm1, conv2, norm2 = self.decoder['conv3']
        parts = leaky(norm2(conv2(leaky(norm1(conv1(parts))))))
        edges = [leaky(self.edge[f'conv{i}'](x)) for i, x in enumerate(maps[:3], 1)]
        x = torch.cat([parts, edges[0], resize(edges[1], fine), resize(edges[2], fine)], 1)
        return resize(self.fushion[3](leaky(self.fushion[:2](x))), photo)

    def for_export(self):
        return self


def settled(weights):
    """Weights for plain batch norms: SCHP's (in-place activated ones) take the absolute value of the gain."""
    weights = dict(weights)
    for key in weights:
        if key.endswith('.running_var'):
            gain = key.replace('running_var', 'weight')
            weights[gain] = weights[gain].abs() + NORM_EPS
    return weights


def read_weights(path):
    """The weights of a checkpoint, without the prefix of its data-parallel training."""
    state = torch.load(path, map_location='cpu', weights_only=True)['state_dict']
    return {key.removeprefix('module.'): value for key, value in state.items()
            if not key.endswith('num_batches_tracked')}


def random_checkpoint(classes, sizes, seed):
    """What the published files hold: weights with the prefix `module.`, under `state_dict`."""
    generator = torch.Generator().manual_seed(seed)
    network = Schp(classes, sizes)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                module.weight.normal_(0, 1.4 / math.sqrt(module.weight[0].numel()), generator=generator)
                if module.bias is not None:
                    module.bias.normal_(0, 0.1, generator=generator)
            elif isinstance(module, nn.BatchNorm2d):
                module.weight.normal_(0.8, 0.4, generator=generator)       # a few are negative
                module.bias.normal_(0, 0.2, generator=generator)
                module.momentum = 1.
        blobs = torch.randn(16, 3, 12, 12, generator=generator)     # many, as one pooling leaves one pixel
        blobs = F.interpolate(blobs, size=(97, 97), mode='bicubic')
        network.train()(blobs)
        spread(network.fushion[3], network.eval()(blobs))
    state = {f'module.{key}': value for key, value in network.state_dict().items()
             if not key.endswith('num_batches_tracked')}
    return {'schp_iter': 5, 'state_dict': state}


def card(classes, side, precision, tiny):
    label_set, title, _ = LABEL_SETS[classes]
    return {
        'id': f'{"tiny-" if tiny else ""}schp-{label_set}-{precision}',
        'title': f'SCHP, {title}',
        'version': '1',
        'licence': {
            'name': 'LicenseRef-SCHP', 'url': 'https://github.com/GoGoDuck912/Self-Correction-Human-Parsing',
            'attribution': 'Self-Correction for Human Parsing (Li, Xu, Wei, Yang 2019). The code is MIT; for '
                           f'the weights, trained on {title}, no licence is known to us: check the terms of '
                           'that data set before you use or pass on this model.'},
        'label_set': label_set,
        'input': {'resample': 'bilinear', 'channels': 'bgr',
                  'mean': [round(255 * value, 3) for value in MEAN],
                  'std': [round(255 * value, 3) for value in STD],
                  'pad': {'value': 0.0, 'when': 'before_normalise'}},
        'settings': plain_and_mirrored({'rule': 'centred', 'width': side, 'height': side}),
        'output': {'kind': 'semantic'},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('checkpoint', type=Path)
    parser.add_argument('out', type=Path, nargs='?')
    parser.add_argument('--precision', choices=['f16', 'f32'], default='f16')
    parser.add_argument('--random', type=int, metavar='SEED', help='write a checkpoint of random weights')
    parser.add_argument('--classes', type=int, choices=list(LABEL_SETS), default=20, help='with --random')
    parser.add_argument('--tiny', action='store_true')
    args = parser.parse_args()
    torch.set_num_threads(1)
    sizes = TINY if args.tiny else Sizes()
    if args.random is not None:
        torch.save(random_checkpoint(args.classes, sizes, args.random), args.checkpoint)
        return
    if args.out is None:
        parser.error('OUT, the folder for the model, is missing')
    weights = read_weights(args.checkpoint)
    classes = len(weights['fushion.3.weight'])
    if classes not in LABEL_SETS:
        parser.error(f'the checkpoint has {classes} classes, none of the published models has')
    side = TINY_SIDE if args.tiny else LABEL_SETS[classes][2]
    network = Schp(classes, sizes).eval()
    missing, unknown = network.load_state_dict(settled(weights), strict=False)
    missing = [key for key in missing if not key.endswith('num_batches_tracked')]
    if missing or unknown:
        parser.error(f'not a checkpoint of SCHP: it lacks {missing[:3]}, and has {unknown[:3]}')
    about = card(classes, side, args.precision, args.tiny)
    write_semantic_model(args.out, about, network, side, args.precision)


if __name__ == '__main__':
    main()
