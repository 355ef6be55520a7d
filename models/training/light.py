"""Photos in another light: exposure, contrast, white balance, saturation, greyscale, blur, noise.

On the device that trains: a third of the time that crops take, where processes made them.
"""
import torch
from torch.nn import functional as F

# How often; and between which values (of gamma, the logarithm).
LIT, GAMMA, CONTRAST, BRIGHTNESS, BALANCE = 0.8, 0.4, (0.65, 1.35), (0.75, 1.25), (0.9, 1.1)
GREYSCALE, SATURATED, SATURATION = 0.10, 0.45, (0.3, 1.6)
SWAPPED = 0.02
BLURRED, BLUR, REACH = 0.15, (0.5, 1.6), 4
NOISY, NOISE = 0.15, (2.0, 12.0)
LUMA = (0.299, 0.587, 0.114)


class Dice:
    """Random numbers for each of `count` photos, shaped [count, 1, 1, 1] and drawn on the CPU."""

    def __init__(self, seed, count, device):
        self.generator = torch.Generator().manual_seed(seed)
        self.count, self.device = count, device

    def uniform(self, low, high, channels=1):
        values = torch.rand(self.count, channels, 1, 1, generator=self.generator) * (high - low) + low
        return values.to(self.device)

    def happens(self, probability):
        return self.uniform(0, 1) < probability


def in_another_light(photos, seed):
    """float [B, 3, H, W], 0 to 255, each photo by dice of its own; fixed by the seed."""
    dice = Dice(seed, len(photos), photos.device)
    lit = dice.happens(LIT)

    def where_lit(values):
        return torch.where(lit, values, 1.0)

    x = (photos / 255) ** where_lit(dice.uniform(-GAMMA, GAMMA).exp()) * 255
    grey = x.mean((1, 2, 3), keepdim=True)
    x = (x - grey) * where_lit(dice.uniform(*CONTRAST)) + grey * where_lit(dice.uniform(*BRIGHTNESS))
    x = x * where_lit(dice.uniform(*BALANCE, channels=3))
    luma = (x * torch.tensor(LUMA, device=x.device)[:, None, None]).sum(1, keepdim=True)
    saturation = torch.where(dice.happens(SATURATED), dice.uniform(*SATURATION), 1.0)
    x = luma + (x - luma) * torch.where(dice.happens(GREYSCALE), 0.0, saturation)
    x = torch.where(dice.happens(SWAPPED), x.flip(1), x)
    blurred = dice.happens(BLURRED).flatten()
    if blurred.any():
        x = x.clone()
        x[blurred] = blur(x[blurred], dice.uniform(*BLUR).flatten()[blurred])
    noisy = torch.where(dice.happens(NOISY), dice.uniform(*NOISE), 0.0)
    grain = torch.Generator(x.device).manual_seed(seed)
    x = x + noisy * torch.randn(x.shape[0], 1, *x.shape[2:], generator=grain, device=x.device)
    return x.clamp(0, 255)


def blur(photos, sigmas):
    """Gaussian blur of float [N, 3, H, W], each by its own deviation."""
    count, channels, height, width = photos.shape
    places = torch.arange(-REACH, REACH + 1, device=photos.device)
    kernels = torch.exp(-places ** 2 / (2 * sigmas[:, None] ** 2))
    kernels = (kernels / kernels.sum(1, keepdim=True)).repeat_interleave(channels, 0)[:, None]
    x = F.pad(photos, (REACH,) * 4, mode='reflect').reshape(1, -1, height + 2 * REACH, width + 2 * REACH)
    for kernel in (kernels[:, :, None], kernels[..., None]):
        x = F.conv2d(x, kernel, groups=count * channels)
    return x.reshape(photos.shape)
