"""BodyPix (Google, TensorFlow.js models, Apache-2.0): whether a pixel is a person, and which part of one.

Twenty-four parts, left and right by the person's own. A teacher: nothing of it is in the model.
"""
import numpy as np
import torch
from torch import nn

from bodypix_names import PARTS, mirrored_parts
from resampling import resized
from tfjs_weights import convolution, read_weights

LONGER_SIDE = 640
CELL = 8
# MobileNetV1 of width 0.75 at 1/8: outputs, stride and dilation of its thirteen blocks.
BLOCKS = [(48, 1, 1), (96, 2, 1), (96, 1, 1), (192, 2, 1), (192, 1, 1), (384, 1, 1), *[(384, 1, 2)] * 7]


class BodyPix(nn.Module):
    """MobileNetV1 with the heads for people and their parts. float [N, 3, 8h + 1, 8w + 1] in -1..1."""

    def __init__(self, model_json):
        super().__init__()
        weights = read_weights(model_json)
        layers = [self.layer(weights, 'Conv2d_0', 'weights', 3, 24, 3, 2), nn.ReLU6()]
        channels = 24
        for number, (outputs, stride, dilation) in enumerate(BLOCKS, 1):
            name = f'Conv2d_{number}_'
            layers += [self.layer(weights, name + 'depthwise', 'depthwise_weights', channels, channels, 3,
                                  stride, dilation, groups=channels), nn.ReLU6(),
                       self.layer(weights, name + 'pointwise', 'weights', channels, outputs, 1), nn.ReLU6()]
            channels = outputs
        self.trunk = nn.Sequential(*layers)
        self.person = self.layer(weights, 'segment_2', 'weights', channels, 1, 1)
        self.parts = self.layer(weights, 'part_heatmap_2', 'weights', channels, len(PARTS), 1)

    @staticmethod
    def layer(weights, name, kernel_name, inputs, outputs, kernel, stride=1, dilation=1, groups=1):
        prefix = f'MobilenetV1/{name}/'
        bias = prefix + ('depthwise_bias' if groups > 1 else 'Conv2D_bias')
        value, offset = convolution(weights, prefix + kernel_name, bias)
        module = nn.Conv2d(inputs, outputs, kernel, stride, dilation * (kernel // 2), dilation, groups)
        assert value.shape == tuple(module.weight.shape), (name, value.shape)
        module.weight.data = torch.from_numpy(np.ascontiguousarray(value))
        module.bias.data = torch.from_numpy(offset)
        return module

    def forward(self, x):
        x = self.trunk(x)
        return torch.cat([self.person(x), self.parts(x)], 1)


class BodyParts:
    """Callable: photo uint8 [H, W, 3] -> logits [1 + 24, h, w] and the photo's pixels a cell takes.

    The middle of cell (0, 0) is the photo's corner. Mean of the photo and its mirror image.
    """

    def __init__(self, model_json):
        self.model = BodyPix(model_json).eval().to(memory_format=torch.channels_last)
        self.in_mirror = [0, *(1 + part for part in mirrored_parts())]

    @torch.no_grad()
    def __call__(self, photo):
        height, width = photo.shape[:2]
        scale = LONGER_SIDE / max(height, width)
        rows, columns = (max(1, round(side * scale / CELL)) for side in (height, width))
        small = resized(photo, CELL * columns + 1, CELL * rows + 1).astype(np.float32) / 127.5 - 1
        both = torch.from_numpy(np.stack([small, small[:, ::-1]])).permute(0, 3, 1, 2)
        plain, mirrored = self.model(both.contiguous(memory_format=torch.channels_last))
        mean = (plain + mirrored[self.in_mirror].flip(2)) / 2
        return mean.numpy(), (height / rows, width / columns)
