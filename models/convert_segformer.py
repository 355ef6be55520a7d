#!/usr/bin/env python3
"""Convert SegFormer-B2 trained on clothes (mattmdjaga/segformer_b2_clothes) to a model of bodymap.

usage: convert_segformer.py CHECKPOINT OUT [--precision f16|f32] [--tiny]
       convert_segformer.py CHECKPOINT --random SEED [--tiny]

CHECKPOINT is the model.safetensors of Hugging Face's SegformerForSemanticSegmentation, OUT a folder for model
and card. --random writes a checkpoint of random weights instead, to test with; --tiny is for those of narrow
layers. The conversion is checked by ONNX Runtime against torch.
"""
import argparse
import math
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import nn

from onnx_model import plain_and_mirrored, spread, write_semantic_model

CLASSES = 18


@dataclass(frozen=True)
class Sizes:
    """What differs between variants, by stage, from 1/4 to 1/32; the defaults are SegFormer-B2's."""
    hidden: tuple = (64, 128, 320, 512)
    depths: tuple = (3, 4, 6, 3)
    heads: tuple = (1, 2, 5, 8)
    reductions: tuple = (8, 4, 2, 1)        # of the maps that attention looks at
    decoder: int = 768
    side: int = 512                         # px


TINY = Sizes(hidden=(8, 8, 16, 16), depths=(1, 1, 2, 1), heads=(1, 2, 2, 4), decoder=16, side=96)


def to_tokens(x):
    """[1, channels, h, w] -> [h * w, channels]"""
    return x[0].flatten(1).t()


def to_map(tokens, height, width):
    return tokens.t().reshape(1, tokens.shape[1], height, width)


class Attention(nn.Module):
    """Self-attention whose keys and values come from a map `reduction` times smaller."""

    def __init__(self, hidden, heads, reduction):
        super().__init__()
        self.heads, self.width = heads, hidden // heads
        self.self = nn.ModuleDict({name: nn.Linear(hidden, hidden) for name in ('query', 'key', 'value')})
        self.reduced = reduction > 1
        if self.reduced:
            self.self['sr'] = nn.Conv2d(hidden, hidden, reduction, reduction)
            self.self['layer_norm'] = nn.LayerNorm(hidden)
        self.output = nn.ModuleDict({'dense': nn.Linear(hidden, hidden)})

    def forward(self, tokens, height, width):
        seen = tokens
        if self.reduced:
            seen = self.self['layer_norm'](to_tokens(self.self['sr'](to_map(tokens, height, width))))
        query, key, value = (self.self[name](x).reshape(-1, self.heads, self.width).transpose(0, 1)
                             for name, x in (('query', tokens), ('key', seen), ('value', seen)))
        weights = (query @ key.transpose(1, 2) * self.width ** -0.5).softmax(-1)
        return self.output['dense']((weights @ value).transpose(0, 1).flatten(1))


class FeedForward(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.dense1 = nn.Linear(hidden, 4 * hidden)
        depthwise = nn.Conv2d(4 * hidden, 4 * hidden, 3, padding=1, groups=4 * hidden)
        self.dwconv = nn.ModuleDict({'dwconv': depthwise})
        self.dense2 = nn.Linear(4 * hidden, hidden)

    def forward(self, tokens, height, width):
        x = self.dwconv['dwconv'](to_map(self.dense1(tokens), height, width))
        return self.dense2(F.gelu(to_tokens(x)))


class Block(nn.Module):
    def __init__(self, hidden, heads, reduction):
        super().__init__()
        self.layer_norm_1, self.layer_norm_2 = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.attention = Attention(hidden, heads, reduction)
        self.mlp = FeedForward(hidden)

    def forward(self, tokens, height, width):
        tokens = tokens + self.attention(self.layer_norm_1(tokens), height, width)
        return tokens + self.mlp(self.layer_norm_2(tokens), height, width)


class Encoder(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        inputs = (3, *sizes.hidden)
        self.patch_embeddings = nn.ModuleList(nn.ModuleDict({
            'proj': nn.Conv2d(inputs[i], hidden, 3 if i else 7, 2 if i else 4, 1 if i else 3),
            'layer_norm': nn.LayerNorm(hidden)}) for i, hidden in enumerate(sizes.hidden))
        stages = zip(sizes.hidden, sizes.heads, sizes.reductions, sizes.depths, strict=True)
        self.block = nn.ModuleList(nn.ModuleList(Block(hidden, heads, reduction) for _ in range(depth))
                                   for hidden, heads, reduction, depth in stages)
        self.layer_norm = nn.ModuleList(nn.LayerNorm(hidden) for hidden in sizes.hidden)

    def forward(self, x):
        maps = []
        for embed, blocks, norm in zip(self.patch_embeddings, self.block, self.layer_norm, strict=True):
            x = embed['proj'](x)
            height, width = x.shape[2], x.shape[3]
            tokens = embed['layer_norm'](to_tokens(x))
            for block in blocks:
                tokens = block(tokens, height, width)
            x = to_map(norm(tokens), height, width)
            maps.append(x)
        return maps


def resize(x, like):
    return F.interpolate(x, size=tuple(like.shape[2:]), mode='bilinear', align_corners=False)


class Decoder(nn.Module):
    """As published: each map to the decoder's width, all to 1/4, then one 1x1 convolution over them all."""

    def __init__(self, sizes):
        super().__init__()
        width = sizes.decoder
        self.linear_c = nn.ModuleList(
            nn.ModuleDict({'proj': nn.Linear(hidden, width)}) for hidden in sizes.hidden)
        self.linear_fuse = nn.Conv2d(len(sizes.hidden) * width, width, 1, bias=False)
        self.batch_norm = nn.BatchNorm2d(width)
        self.classifier = nn.Conv2d(width, CLASSES, 1)

    def forward(self, maps):
        parts = [resize(to_map(linear['proj'](to_tokens(x)), x.shape[2], x.shape[3]), maps[0])
                 for linear, x in zip(self.linear_c, maps, strict=True)]
        return self.classifier(self.batch_norm(self.linear_fuse(torch.cat(parts[::-1], 1))).relu())


class FoldedDecoder(nn.Module):
    """The same by linearity: each map's two 1x1 convolutions in one, at its own size, with the batch norm in;
    then resized and added."""

    def __init__(self, decoder):
        super().__init__()
        norm = decoder.batch_norm
        gain = (norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt())[:, None]
        fuse = decoder.linear_fuse.weight.double()[:, :, 0, 0].chunk(len(decoder.linear_c), 1)[::-1]
        bias = norm.bias.double() - gain[:, 0] * norm.running_mean.double()
        self.project = nn.ModuleList()
        for part, linear in zip(fuse, decoder.linear_c, strict=True):
            weight, offset = linear['proj'].weight.double(), linear['proj'].bias.double()
            conv = nn.Conv2d(weight.shape[1], len(part), 1, bias=not self.project)
            conv.weight.data = (gain * (part @ weight))[:, :, None, None].float()
            bias = bias + gain[:, 0] * (part @ offset)
            self.project.append(conv)
        self.project[0].bias.data = bias.float()
        self.classifier = decoder.classifier

    def forward(self, maps):
        total = self.project[0](maps[0])
        for conv, x in zip(self.project[1:], maps[1:], strict=True):
            total = total + resize(conv(x), maps[0])
        return self.classifier(total.relu())


class Segformer(nn.Module):
    """photo [1, 3, H, W], normalised, H and W multiples of 32 -> logits [1, classes, H/4, W/4]

    Names are those of Hugging Face's checkpoints.
    """

    def __init__(self, sizes):
        super().__init__()
        self.segformer = nn.ModuleDict({'encoder': Encoder(sizes)})
        self.decode_head = Decoder(sizes)

    def forward(self, photo):
        return self.decode_head(self.segformer['encoder'](photo))

    def for_export(self):
        return nn.Sequential(self.segformer['encoder'], FoldedDecoder(self.decode_head)).eval()


def random_weights(sizes, seed):
    generator = torch.Generator().manual_seed(seed)
    network = Segformer(sizes)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                module.weight.normal_(0, 1.2 / math.sqrt(module.weight[0].numel()), generator=generator)
                if module.bias is not None:
                    module.bias.normal_(0, 0.1, generator=generator)
            elif isinstance(module, nn.LayerNorm | nn.BatchNorm2d):
                module.weight.normal_(1, 0.2, generator=generator)
                module.bias.normal_(0, 0.2, generator=generator)
        norm = network.decode_head.batch_norm
        norm.momentum = 1.
        norm.train()
        blobs = F.interpolate(torch.randn(1, 3, 24, 24, generator=generator), size=(192, 192), mode='bicubic')
        network(blobs)
        spread(network.decode_head.classifier, network.eval()(blobs))
    return network.state_dict()


def card(side, precision, tiny):
    return {
        'id': f'{"tiny-" if tiny else ""}segformer-clothes-{precision}', 'title': 'SegFormer-B2, clothes',
        'version': '1',
        'licence': {
            'name': 'LicenseRef-SegFormer', 'url': 'https://github.com/NVlabs/SegFormer/blob/master/LICENSE',
            'attribution': 'SegFormer (Xie et al. 2021), published by NVIDIA under a licence of its own, '
                           'fine-tuned on ATR by mattmdjaga (segformer_b2_clothes): check the terms of both '
                           'and of the data set before you use or pass on this model.'},
        'label_set': 'atr',
        'input': {'resample': 'bilinear', 'channels': 'rgb', 'mean': [123.675, 116.28, 103.53],
                  'std': [58.395, 57.12, 57.375], 'pad': {'value': 0.0, 'when': 'after_normalise'}},
        'settings': plain_and_mirrored({'rule': 'fixed', 'width': side, 'height': side}),
        'output': {'kind': 'semantic'},
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('checkpoint', type=Path)
    parser.add_argument('out', type=Path, nargs='?')
    parser.add_argument('--precision', choices=['f16', 'f32'], default='f16')
    parser.add_argument('--random', type=int, metavar='SEED', help='write a checkpoint of random weights')
    parser.add_argument('--tiny', action='store_true')
    args = parser.parse_args()
    torch.set_num_threads(1)
    sizes = TINY if args.tiny else Sizes()
    if args.random is not None:
        save_file(random_weights(sizes, args.random), args.checkpoint)
        return
    if args.out is None:
        parser.error('OUT, the folder for the model, is missing')
    network = Segformer(sizes).eval()
    try:
        network.load_state_dict(load_file(args.checkpoint))
    except RuntimeError as error:
        parser.error(f'not a checkpoint of this network: {error}')
    about = card(sizes.side, args.precision, args.tiny)
    write_semantic_model(args.out, about, network, sizes.side, args.precision)


if __name__ == '__main__':
    main()
