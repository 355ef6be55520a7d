"""The building block of both backbones, its batch norms already folded into its convolutions."""
from torch import nn
from torch.nn import functional as F


class SameConv(nn.Conv2d):
    """TensorFlow's SAME padding: with stride 2 on even sides one more at the bottom and at the right."""

    def __init__(self, inputs, outputs, kernel, stride=1, groups=1):
        super().__init__(inputs, outputs, kernel, stride, kernel // 2 if stride == 1 else 0, groups=groups)
        self.before, self.after = (kernel - 2) // 2, (kernel - 1) // 2

    def forward(self, x):
        if self.stride[0] == 2:
            x = F.pad(x, (self.before, self.after, self.before, self.after))
        return super().forward(x)


class Pointwise(nn.Conv2d):
    """1x1 convolution."""

    def __init__(self, inputs, outputs, bias=True):
        super().__init__(inputs, outputs, 1, bias=bias)


class InvertedResidual(nn.Module):
    """MobileNetV2 block: expand, depthwise, project."""

    def __init__(self, inputs, outputs, kernel, stride, expansion):
        super().__init__()
        hidden = inputs * expansion
        self.expand = Pointwise(inputs, hidden) if expansion > 1 else None
        self.depthwise = SameConv(hidden, hidden, kernel, stride, hidden)
        self.project = Pointwise(hidden, outputs)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x):
        y = F.relu6(self.expand(x), inplace=True) if self.expand is not None else x
        y = self.project(F.relu6(self.depthwise(y), inplace=True))
        return x + y if self.residual else y
