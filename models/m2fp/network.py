"""M2FP (Mask2Former for parsing, Yang et al. 2023), restated for export: one photo at a time, eval mode only.

Parameters and buffers have the names, shapes and layout of the published checkpoints: `state_dict()` is one.
Tokens are the pixels of the maps at 1/32, 1/16 and 1/8 in this order, row by row; they are 2-D,
[tokens, channels].
"""
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from m2fp.deformable_attention import ms_deform_attn

LEVELS = ('res5', 'res4', 'res3')   # strides 32, 16, 8: the order of everything that comes in levels
GROUPS = 32                         # of each group norm


@dataclass(frozen=True)
class Sizes:
    """What differs between variants; the defaults are those of the published models."""
    classes: int = 21               # without "nothing": 21 multi-human (CIHP, Human), 20 single-human (LIP)
    stem: int = 128
    width: int = 64                 # of the bottlenecks of res2; it doubles from stage to stage
    blocks: tuple = (3, 4, 23, 3)
    hidden: int = 256
    heads: int = 8
    points: int = 4
    encoder_layers: int = 6
    encoder_ffn: int = 1024
    decoder_layers: int = 9
    decoder_ffn: int = 2048
    queries: int = 100


class Conv(nn.Conv2d):
    """Convolution without bias, then its norm (a batch norm or a group norm)."""

    def __init__(self, inputs, outputs, kernel=1, stride=1, groups=None):
        super().__init__(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(outputs) if groups is None else nn.GroupNorm(groups, outputs)

    def forward(self, x):
        return self.norm(super().forward(x))


class Bottleneck(nn.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        self.shortcut = Conv(inputs, 4 * width, stride=stride) if inputs != 4 * width else None
        self.conv1 = Conv(inputs, width)
        self.conv2 = Conv(width, width, 3, stride)
        self.conv3 = Conv(width, 4 * width)

    def forward(self, x):
        y = self.conv3(self.conv2(self.conv1(x).relu()).relu())
        return (y + (x if self.shortcut is None else self.shortcut(x))).relu()


class Backbone(nn.Module):
    """ResNet-101 with a stem of three 3x3 convolutions; gives the outputs of its four stages."""

    def __init__(self, sizes):
        super().__init__()
        half = sizes.stem // 2
        self.stem = nn.ModuleDict({'conv1': Conv(3, half, 3, 2), 'conv2': Conv(half, half, 3),
                                   'conv3': Conv(half, sizes.stem, 3)})
        inputs = sizes.stem
        for i, blocks in enumerate(sizes.blocks):
            width = sizes.width << i
            stage = [Bottleneck(inputs, width, 2 if i else 1)]
            stage += [Bottleneck(4 * width, width, 1) for _ in range(blocks - 1)]
            setattr(self, f'res{i + 2}', nn.Sequential(*stage))
            inputs = 4 * width

    def forward(self, x):
        for conv in self.stem.values():
            x = conv(x).relu()
        x = F.max_pool2d(x, 3, 2, 1)
        maps = {}
        for name in ('res2', 'res3', 'res4', 'res5'):
            maps[name] = x = getattr(self, name)(x)
        return maps


def to_tokens(x):
    """[1, channels, h, w] -> [h * w, channels]"""
    return x[0].flatten(1).t()


def sine_encoding(x, channels):
    """Positions of the pixels of `x` [1, ., h, w] as tokens [h * w, channels]: first y, then x, sines and
    cosines in turn, of wavelengths from 2 pi to 10000 * 2 pi where the whole height or width is 2 pi."""
    half = channels // 2
    frequency = 1 / 10000 ** (torch.arange(0, half, 2) / half)

    def axis(length):
        at = (torch.arange(length).float() + 1) / (length + 1e-6) * (2 * torch.pi)
        angle = at[:, None] * frequency
        return torch.stack([angle.sin(), angle.cos()], 2).flatten(1)

    y, x = axis(x.shape[2])[:, None], axis(x.shape[3])[None]
    return torch.cat([y + 0 * x, x + 0 * y], 2).flatten(0, 1)     # what expand does, in fewer nodes


class DeformableAttention(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        samples = sizes.heads * len(LEVELS) * sizes.points
        self.heads, self.points = sizes.heads, sizes.points
        self.sampling_offsets = nn.Linear(sizes.hidden, 2 * samples)
        self.attention_weights = nn.Linear(sizes.hidden, samples)
        self.value_proj = nn.Linear(sizes.hidden, sizes.hidden)
        self.output_proj = nn.Linear(sizes.hidden, sizes.hidden)

    def forward(self, tokens, position, shapes):
        query = tokens + position
        return self.output_proj(ms_deform_attn(
            self.value_proj(tokens), self.sampling_offsets(query), self.attention_weights(query), shapes,
            self.heads, self.points))


class EncoderLayer(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.self_attn = DeformableAttention(sizes)
        self.norm1 = nn.LayerNorm(sizes.hidden)
        self.linear1 = nn.Linear(sizes.hidden, sizes.encoder_ffn)
        self.linear2 = nn.Linear(sizes.encoder_ffn, sizes.hidden)
        self.norm2 = nn.LayerNorm(sizes.hidden)

    def forward(self, tokens, position, shapes):
        tokens = self.norm1(tokens + self.self_attn(tokens, position, shapes))
        return self.norm2(tokens + self.linear2(self.linear1(tokens).relu()))


class PixelDecoder(nn.Module):
    """Maps of the backbone -> mask features [1, hidden, H/4, W/4], the tokens of each level, and the sine
    encodings of their positions."""

    def __init__(self, sizes):
        super().__init__()
        hidden, self.hidden = sizes.hidden, sizes.hidden
        channels = [4 * sizes.width << i for i in (3, 2, 1)]
        self.input_proj = nn.ModuleList(
            nn.Sequential(nn.Conv2d(inputs, hidden, 1), nn.GroupNorm(GROUPS, hidden)) for inputs in channels)
        self.transformer = nn.ParameterDict({'level_embed': nn.Parameter(torch.zeros(len(LEVELS), hidden))})
        layers = nn.ModuleList(EncoderLayer(sizes) for _ in range(sizes.encoder_layers))
        self.transformer.encoder = nn.ModuleDict({'layers': layers})
        self.mask_features = nn.Conv2d(hidden, hidden, 1)
        self.adapter_1 = Conv(4 * sizes.width, hidden, groups=GROUPS)
        self.layer_1 = Conv(hidden, hidden, 3, groups=GROUPS)

    def forward(self, maps):
        levels = [project(maps[name]) for project, name in zip(self.input_proj, LEVELS, strict=True)]
        embed = self.transformer['level_embed']
        encodings = [sine_encoding(x, self.hidden) for x in levels]
        position = torch.cat([encoding + embed[i] for i, encoding in enumerate(encodings)])
        tokens = torch.cat([to_tokens(x) for x in levels])
        shapes = torch.stack([torch._shape_as_tensor(x)[2:] for x in levels])
        for layer in self.transformer.encoder['layers']:
            tokens = layer(tokens, position, shapes)
        start, parts = 0, []
        for x in levels:
            parts.append(tokens[start:start + x.shape[2] * x.shape[3]])
            start = start + x.shape[2] * x.shape[3]
        fine = parts[-1].t().reshape(1, self.hidden, x.shape[2], x.shape[3])
        fine = F.interpolate(fine, scale_factor=2., mode='bilinear', align_corners=False)
        fine = self.layer_1(self.adapter_1(maps['res2']) + fine).relu()
        return self.mask_features(fine), parts, encodings


class Attention(nn.Module):
    """Multi-head attention of q [m, hidden] on k and v [n, hidden]; `bias` [m, n] is added to the scores."""

    def __init__(self, sizes):
        super().__init__()
        self.heads, self.hidden = sizes.heads, sizes.hidden
        self.in_proj_weight = nn.Parameter(torch.zeros(3 * sizes.hidden, sizes.hidden))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * sizes.hidden))
        self.out_proj = nn.Linear(sizes.hidden, sizes.hidden)

    def forward(self, q, k, v, bias=None):
        projections = zip(self.in_proj_weight.chunk(3), self.in_proj_bias.chunk(3), strict=True)
        width = self.hidden // self.heads
        q, k, v = (F.linear(x, *projection).reshape(-1, self.heads, width)
                   for x, projection in zip((q, k, v), projections, strict=True))
        scores = (q * width ** -0.5).transpose(0, 1) @ k.permute(1, 2, 0)
        weights = (scores if bias is None else scores + bias).softmax(-1)
        return self.out_proj((weights @ v.transpose(0, 1)).transpose(0, 1).reshape(-1, self.hidden))


class AttentionLayer(nn.Module):
    """Attention, residual and norm; `name` is what the checkpoint calls the attention."""

    def __init__(self, sizes, name):
        super().__init__()
        self.name = name
        self.add_module(name, Attention(sizes))
        self.norm = nn.LayerNorm(sizes.hidden)

    def forward(self, x, q, k, v, bias=None):
        return self.norm(x + getattr(self, self.name)(q, k, v, bias))


class FeedForward(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.linear1 = nn.Linear(sizes.hidden, sizes.decoder_ffn)
        self.linear2 = nn.Linear(sizes.decoder_ffn, sizes.hidden)
        self.norm = nn.LayerNorm(sizes.hidden)

    def forward(self, x):
        return self.norm(x + self.linear2(self.linear1(x).relu()))


def shrink(x, factor):
    """What a bilinear resize to 1/`factor`, 2, 4 or 8, answers: the mean of the middle 2x2 of each cell."""
    corner = factor // 2 - 1
    return F.avg_pool2d(x[:, :, corner:, corner:], 2, factor)


class Predictor(nn.Module):
    """Queries that look at the levels in turn -> class logits and mask logits."""

    def __init__(self, sizes):
        super().__init__()
        hidden, layers = sizes.hidden, range(sizes.decoder_layers)
        self.transformer_self_attention_layers = nn.ModuleList(
            AttentionLayer(sizes, 'self_attn') for _ in layers)
        self.transformer_cross_attention_layers = nn.ModuleList(
            AttentionLayer(sizes, 'multihead_attn') for _ in layers)
        self.transformer_ffn_layers = nn.ModuleList(FeedForward(sizes) for _ in layers)
        self.decoder_norm = nn.LayerNorm(hidden)
        self.query_feat = nn.Embedding(sizes.queries, hidden)
        self.query_embed = nn.Embedding(sizes.queries, hidden)
        self.level_embed = nn.Embedding(len(LEVELS), hidden)
        self.class_embed = nn.Linear(hidden, sizes.classes + 1)
        mlp = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(3))
        self.mask_embed = nn.ModuleDict({'layers': mlp})

    def mask_query(self, x):
        first, second, last = self.mask_embed['layers']
        return last(second(first(self.decoder_norm(x)).relu()).relu())

    def blocked(self, x, features):
        """Bias [queries, tokens] that keeps each query to where its mask is, at the size of `features`; a
        query whose mask is empty may look everywhere."""
        outside = (self.mask_query(x) @ features < 0).float()
        return -1e9 * outside * (1 - outside.amin(1, keepdim=True))

    def forward(self, mask_features, levels, encodings):
        memory = [tokens + self.level_embed.weight[i] for i, tokens in enumerate(levels)]
        keys = [tokens + encoding for tokens, encoding in zip(memory, encodings, strict=True)]
        # Masks are linear in the features: shrinking these once is shrinking all masks.
        features = [shrink(mask_features, factor)[0].flatten(1) for factor in (8, 4, 2)]
        x, place = self.query_feat.weight, self.query_embed.weight
        layers = zip(self.transformer_cross_attention_layers, self.transformer_self_attention_layers,
                     self.transformer_ffn_layers, strict=True)
        for i, (cross, own, feed_forward) in enumerate(layers):
            level = i % len(LEVELS)
            x = cross(x, x + place, keys[level], memory[level], self.blocked(x, features[level]))
            x = feed_forward(own(x, x + place, x + place, x))
        masks = self.mask_query(x) @ mask_features[0].flatten(1)
        classes = self.class_embed(self.decoder_norm(x))
        return classes[None], masks.reshape(1, -1, mask_features.shape[2], mask_features.shape[3])


class M2FP(nn.Module):
    """photo [1, 3, H, W], normalised, H and W multiples of 32 -> class logits [1, queries, classes + 1] and
    mask logits [1, queries, H/4, W/4]"""

    def __init__(self, sizes):
        super().__init__()
        self.backbone = Backbone(sizes)
        head = {'pixel_decoder': PixelDecoder(sizes), 'predictor': Predictor(sizes)}
        self.sem_seg_head = nn.ModuleDict(head)

    def forward(self, photo):
        decoded = self.sem_seg_head['pixel_decoder'](self.backbone(photo))
        return self.sem_seg_head['predictor'](*decoded)
