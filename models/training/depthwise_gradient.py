"""5x5 depthwise convolution whose weight gradient is put together from 3x3 ones.

oneDNN has a fast weight gradient for 3x3 depthwise kernels only; for 5x5 ones it falls back to a plain loop,
which takes longer than the rest of the network. Four 3x3 windows of a 5x5 kernel cover it.
"""
import torch
from torch.nn import functional as F

convolution_backward = torch.ops.aten.convolution_backward


class Depthwise5(torch.autograd.Function):
    """x [N, C, H, W], weight [C, 1, 5, 5] -> [N, C, H', W'], without bias."""

    @staticmethod
    def forward(ctx, x, weight, stride, padding):
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(x, weight, None, stride, padding, 1, x.shape[1])

    @staticmethod
    def backward(ctx, gradient):
        x, weight = ctx.saved_tensors
        stride, padding, channels = ctx.stride, ctx.padding, x.shape[1]
        gradient = gradient.contiguous(memory_format=torch.channels_last)

        def part_of(source, kernel, pad, wanted):
            return convolution_backward(gradient, source, kernel, None, [stride] * 2, [pad] * 2, [1, 1],
                                        False, [0, 0], channels, wanted)

        x_gradient = part_of(x, weight, padding, [True, False, False])[0] if ctx.needs_input_grad[0] else None
        weight_gradient = None
        if ctx.needs_input_grad[1]:
            weight_gradient = torch.empty_like(weight)
            padded = F.pad(x, (padding,) * 4)
            rows, columns = ((side - 1) * stride + 3 for side in gradient.shape[2:])
            for top in (0, 2):
                for left in (0, 2):
                    window = padded[:, :, top:top + rows, left:left + columns]
                    window = window.contiguous(memory_format=torch.channels_last)
                    kernel = weight[:, :, top:top + 3, left:left + 3].contiguous()
                    weight_gradient[:, :, top:top + 3, left:left + 3] = part_of(
                        window, kernel, 0, [False, True, False])[1]
        return x_gradient, weight_gradient, None, None


def depthwise5(x, weight, bias, stride, padding):
    """F.conv2d of a 5x5 depthwise kernel, in the precision of autocast."""
    if torch.is_autocast_enabled('cpu'):
        x, weight = (tensor.to(torch.get_autocast_dtype('cpu')) for tensor in (x, weight))
    y = Depthwise5.apply(x, weight, stride, padding)
    return y if bias is None else y + bias.to(y.dtype)[:, None, None]
