"""MoveNet MultiPose: MobileNetV2, its small feature pyramid, keypoint heatmaps and person centres.

Seventeen joints, left and right told apart: label maps of clothes do not say which side is which.
"""
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from inverted_residual import Depthwise, InvertedResidual, Pointwise, SameConv
from tfjs_weights import TRUNK, convolution, read_weights

# MobileNetV2 at width 1.4: (block count, output channels, stride of the first block).
STAGES = [(2, 40, 2), (3, 48, 2), (4, 96, 2), (3, 144, 1), (3, 240, 2), (1, 480, 1)]
EXPANSION = 6
# Outputs kept: after these blocks the picture is at 1/4, 1/8, 1/16 (twice).
TAPS = {2: 'quarter', 5: 'eighth', 9: 'sixteenth_early', 12: 'sixteenth'}
# Those that MoveNet's own feature pyramid adds to the deepest, in its order.
POSE_TAPS = ('sixteenth_early', 'eighth', 'quarter')


def upsample(x):
    return F.interpolate(x, scale_factor=2, mode='bilinear', align_corners=False)


def separable(inputs, outputs):
    """Depthwise 3x3 without bias, then pointwise with one, as MoveNet has them."""
    return nn.Sequential(Depthwise(inputs, 3), Pointwise(inputs, outputs))


class PoseBackbone(nn.Module):
    """MoveNet MultiPose up to its keypoint heatmaps."""

    def __init__(self):
        super().__init__()
        self.stem = SameConv(3, 48, 3, 2)
        self.first = InvertedResidual(48, 24, 3, 1, 1)
        blocks, channels = [], 24
        for count, outputs, stride in STAGES:
            for i in range(count):
                blocks.append(InvertedResidual(channels, outputs, 3, stride if i == 0 else 1, EXPANSION))
                channels = outputs
        self.blocks = nn.ModuleList(blocks)
        self.last = Pointwise(480, 1280)
        self.lateral = nn.ModuleList([Pointwise(1280, 64), Pointwise(96, 64), Pointwise(48, 32),
                                      Pointwise(40, 24)])
        self.merge = nn.ModuleList([separable(64, 32), separable(32, 24), separable(24, 24)])
        self.heatmap = nn.Sequential(*separable(24, 96), nn.ReLU(inplace=True), Pointwise(96, 17))
        self.center = nn.Sequential(*separable(24, 96), nn.ReLU(inplace=True), Pointwise(96, 1))
        self.box = nn.Sequential(*separable(24, 96), nn.ReLU(inplace=True), Pointwise(96, 2))

    def pyramid(self, x):
        """Features by name, deepest last: 40 @1/4, 48 @1/8, 96 and 144 @1/16, 1280 @1/32."""
        x = self.first(F.relu6(self.stem(x), inplace=True))
        taps = {}
        for i, block in enumerate(self.blocks, 1):
            x = block(x)
            if i in TAPS:
                taps[TAPS[i]] = x
        taps['deep'] = F.relu6(self.last(x), inplace=True)
        return taps

    def pose_features(self, taps):
        """MoveNet's own 24-channel feature map at 1/4."""
        x = self.lateral[0](taps['deep'])
        for lateral, merge, tap in zip(self.lateral[1:], self.merge, POSE_TAPS, strict=True):
            x = F.relu(merge(upsample(x) + lateral(taps[tap])))
        return x

    def load_movenet(self, model_json):
        """Take the published weights; `model_json` is movenet-multipose.json beside its .bin."""
        weights = read_weights(model_json)

        def put(module, kernel_name, bias_name=None):
            kernel, bias = convolution(weights, kernel_name, bias_name)
            assert kernel.shape == tuple(module.weight.shape), (kernel_name, kernel.shape)
            module.weight.data = torch.from_numpy(np.ascontiguousarray(kernel))
            if bias is not None:
                module.bias.data = torch.from_numpy(np.ascontiguousarray(bias))

        def folded(module, name):
            layer = TRUNK + name
            put(module, layer + '_weights', layer + '_bn_offset')

        def plain(module, layer):
            put(module, layer + '/Conv2D/ReadVariableOp', layer + '/BiasAdd/ReadVariableOp')

        folded(self.stem, 'model/Conv1/Conv2D')
        folded(self.first.depthwise, 'model/expanded_conv_depthwise/depthwise')
        folded(self.first.project, 'model/expanded_conv_project/Conv2D')
        for i, block in enumerate(self.blocks, 1):
            folded(block.expand, f'model/block_{i}_expand/Conv2D')
            folded(block.depthwise, f'model/block_{i}_depthwise/depthwise')
            folded(block.project, f'model/block_{i}_project/Conv2D')
        folded(self.last, 'model/Conv_1/Conv2D')
        for lateral, name in zip(self.lateral, ('conv2d', 'conv2d_1', 'conv2d_2', 'conv2d_3'),
                                 strict=True):
            plain(lateral, TRUNK + name)
        for (depthwise, pointwise), suffix in zip(self.merge, ('', '_1', '_2'), strict=True):
            layer = f'{TRUNK}separable_conv2d{suffix}/separable_conv2d'
            kernel = weights[layer + '/ReadVariableOp'].transpose(2, 3, 0, 1)
            depthwise.weight.data = torch.from_numpy(np.ascontiguousarray(kernel))
            put(pointwise, layer + '_weights', layer + '_bn_offset')
        heads = ((self.heatmap, 'kpt_heatmap_0', 6, 7), (self.center, 'center_0', 3, 4),
                 (self.box, 'box_scale_0', 4, 5))
        for head, name, separable_number, plain_number in heads:
            layer = f'StatefulPartitionedCall/{name}/separable_conv2d_{separable_number}'
            kernel = weights[layer + '/separable_conv2d/ReadVariableOp'].transpose(2, 3, 0, 1)
            head[0].weight.data = torch.from_numpy(np.ascontiguousarray(kernel))
            put(head[1], layer + '/separable_conv2d/ReadVariableOp_1', layer + '/BiasAdd/ReadVariableOp')
            plain(head[3], f'StatefulPartitionedCall/{name}/conv2d_{plain_number}')
