"""The building block of both backbones."""
from torch import nn
from torch.nn import functional as F

from depthwise_gradient import depthwise5


class Depthwise(nn.Conv2d):
    """kxk depthwise convolution."""

    def __init__(self, channels, kernel, stride=1, padding=None, bias=False):
        super().__init__(channels, channels, kernel, stride, kernel // 2 if padding is None else padding,
                         groups=channels, bias=bias)

    def forward(self, x):
        if x.device.type == 'cpu' and self.kernel_size[0] == 5 and self.weight.requires_grad:
            return depthwise5(x, self.weight, self.bias, self.stride[0], self.padding[0])
        return super().forward(x)


class Same:
    """TensorFlow's SAME padding: with stride 2 on even sides one more at the bottom and at the right."""

    def pad(self, x):
        return F.pad(x, (self.before, self.after, self.before, self.after)) if self.stride[0] == 2 else x

    def keep_padding(self, kernel):
        self.before, self.after = (kernel - 2) // 2, (kernel - 1) // 2


class SameConv(Same, nn.Conv2d):
    """kxk convolution, padded as TensorFlow does."""

    def __init__(self, inputs, outputs, kernel, stride=1, bias=True):
        padding = kernel // 2 if stride == 1 else 0
        nn.Conv2d.__init__(self, inputs, outputs, kernel, stride, padding, bias=bias)
        self.keep_padding(kernel)

    def forward(self, x):
        return nn.Conv2d.forward(self, self.pad(x))


class SameDepthwise(Same, Depthwise):
    """kxk depthwise convolution, padded as TensorFlow does."""

    def __init__(self, channels, kernel, stride=1, bias=True):
        Depthwise.__init__(self, channels, kernel, stride, kernel // 2 if stride == 1 else 0, bias)
        self.keep_padding(kernel)

    def forward(self, x):
        return Depthwise.forward(self, self.pad(x))


class Pointwise(nn.Conv2d):
    """1x1 convolution."""

    def __init__(self, inputs, outputs, bias=True):
        super().__init__(inputs, outputs, 1, bias=bias)


class InvertedResidual(nn.Module):
    """MobileNetV2 block: expand, depthwise, project; batch norm after each where `norm` makes one.

    norm  a function from channels to a module, or None where the norms are folded into the convolutions
    """

    def __init__(self, inputs, outputs, kernel, stride, expansion, norm=None):
        super().__init__()
        hidden = inputs * expansion
        bias = norm is None
        made = norm or (lambda channels: nn.Identity())
        self.expand = Pointwise(inputs, hidden, bias) if expansion > 1 else None
        self.depthwise = SameDepthwise(hidden, kernel, stride, bias)
        self.project = Pointwise(hidden, outputs, bias)
        self.expand_norm = made(hidden) if expansion > 1 else None
        self.depthwise_norm, self.project_norm = made(hidden), made(outputs)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x):
        y = F.relu6(self.expand_norm(self.expand(x)), inplace=True) if self.expand is not None else x
        y = F.relu6(self.depthwise_norm(self.depthwise(y)), inplace=True)
        y = self.project_norm(self.project(y))
        return x + y if self.residual else y
