"""The parsing network: MoveNet's MobileNetV2 backbone and keypoint heatmaps, and a light decoder.

Input  float [N, 3, H, W], RGB as (value - 127.5) / 127.5, H and W multiples of 32.
Output float [N, 20, H/4, W/4], logits of the 20 CIHP classes.

Only Conv, ReLU, ReLU6, Sigmoid, Add, Concat and bilinear Resize x2 occur, so that the exported graph is
plain. The keypoint heatmaps (17 joints, left and right told apart) are fed to the decoder because they
carry what label maps of clothes do not: which side is which.
"""
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from movenet_weights import TRUNK, convolution, read_weights

# MobileNetV2 at width 1.4: (block count, output channels, stride of the first block).
STAGES = [(2, 40, 2), (3, 48, 2), (4, 96, 2), (3, 144, 1), (3, 240, 2), (1, 480, 1)]
EXPANSION = 6
# Outputs kept for the decoder: after these blocks the picture is at 1/4, 1/8, 1/16 (twice).
TAPS = {2: 'quarter', 5: 'eighth', 9: 'sixteenth_early', 12: 'sixteenth'}
# Those that MoveNet's own feature pyramid adds to the deepest, in its order.
POSE_TAPS = ('sixteenth_early', 'eighth', 'quarter')


class SamePadConv(nn.Conv2d):
    """TensorFlow's SAME padding of a 3x3 convolution with stride 2 on an even side: right and bottom only."""

    def forward(self, x):
        return super().forward(F.pad(x, (0, 1, 0, 1)))


def conv3x3(inputs, outputs, stride=1, groups=1):
    if stride == 2:
        return SamePadConv(inputs, outputs, 3, 2, 0, groups=groups)
    return nn.Conv2d(inputs, outputs, 3, 1, 1, groups=groups)


class Pointwise(nn.Conv2d):
    """1x1 convolution."""

    def __init__(self, inputs, outputs, bias=True):
        super().__init__(inputs, outputs, 1, bias=bias)


class InvertedResidual(nn.Module):
    """MobileNetV2 block whose batch norms are already folded into its convolutions."""

    def __init__(self, inputs, outputs, stride, expansion=EXPANSION):
        super().__init__()
        hidden = 48 if expansion == 1 else inputs * expansion
        self.expand = Pointwise(inputs, hidden) if expansion > 1 else None
        self.depthwise = conv3x3(hidden, hidden, stride, hidden)
        self.project = Pointwise(hidden, outputs)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x):
        y = F.relu6(self.expand(x), inplace=True) if self.expand is not None else x
        y = self.project(F.relu6(self.depthwise(y), inplace=True))
        return x + y if self.residual else y


class Backbone(nn.Module):
    """MoveNet MultiPose up to its keypoint heatmaps."""

    def __init__(self):
        super().__init__()
        self.stem = conv3x3(3, 48, 2)
        self.first = InvertedResidual(48, 24, 1, expansion=1)
        blocks, channels = [], 24
        for count, outputs, stride in STAGES:
            for i in range(count):
                blocks.append(InvertedResidual(channels, outputs, stride if i == 0 else 1))
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


def separable(inputs, outputs):
    """Depthwise 3x3 without bias, then pointwise with one, as MoveNet has them."""
    return nn.Sequential(nn.Conv2d(inputs, inputs, 3, 1, 1, groups=inputs, bias=False),
                         Pointwise(inputs, outputs))


def upsample(x):
    return F.interpolate(x, scale_factor=2, mode='bilinear', align_corners=False)


class Refine(nn.Sequential):
    """Depthwise kxk, pointwise, batch norm, ReLU."""

    def __init__(self, inputs, outputs, kernel=3):
        super().__init__(nn.Conv2d(inputs, inputs, kernel, 1, kernel // 2, groups=inputs, bias=False),
                         Pointwise(inputs, outputs, bias=False), nn.BatchNorm2d(outputs, momentum=0.05),
                         nn.ReLU(inplace=True))


class Lateral(nn.Sequential):
    """Pointwise, batch norm."""

    def __init__(self, inputs, outputs):
        super().__init__(Pointwise(inputs, outputs, bias=False), nn.BatchNorm2d(outputs, momentum=0.05))


class Parser(nn.Module):
    """Backbone + decoder -> [N, classes, H/4, W/4]."""

    def __init__(self, classes=20, width=112, fine=80):
        super().__init__()
        self.backbone = Backbone()
        self.deep = Lateral(1280, width)
        self.context = nn.Sequential(Refine(width, width, 5), Refine(width, width, 5))
        self.lateral16 = Lateral(144, width)
        self.refine16 = nn.Sequential(Refine(width, width, 5), Refine(width, width))
        self.lateral8 = Lateral(48, width)
        self.refine8 = nn.Sequential(Refine(width, width, 5), Refine(width, width))
        self.down8 = Lateral(width, fine)
        self.lateral4 = Lateral(40 + 24 + 17, fine)
        self.refine4 = nn.Sequential(Refine(fine, fine), Refine(fine, fine))
        self.classify = Pointwise(fine, classes)

    def forward(self, x):
        taps = self.backbone.pyramid(x)
        pose = self.backbone.pose_features(taps)
        joints = torch.sigmoid(self.backbone.heatmap(pose))
        y = F.relu(self.deep(taps['deep']))
        y = y + self.context(y)
        y = F.relu(upsample(y) + self.lateral16(taps['sixteenth']), inplace=True)
        y = self.refine16(y)
        y = F.relu(upsample(y) + self.lateral8(taps['eighth']))
        y = self.refine8(y)
        y = F.relu(upsample(self.down8(y)) + self.lateral4(torch.cat([taps['quarter'], pose, joints], 1)))
        return self.classify(self.refine4(y))

    def decoder_parameters(self):
        return [p for name, p in self.named_parameters() if not name.startswith('backbone.')]

    def backbone_parameters(self):
        """Those that the forward pass uses: centre and box serve label preparation only."""
        return [p for name, p in self.backbone.named_parameters() if not name.startswith(('center', 'box'))]
