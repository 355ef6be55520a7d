"""The parsing network: two backbones, one for garments and one for poses, and a light decoder.

Input    float [N, 3, H, W], RGB as (value - 127.5) / 127.5, H and W multiples of 64
logits   float [N, 20, H/2, W/2] of the 20 CIHP classes
centers  float [N, 1, H/4, W/4], 0 to 1, high where the middle of a person's visible pixels is
offsets  float [N, 2, H/4, W/4], x and y from each pixel to the middle of its person, in input pixels

The pose backbone sees the photo at half the size. Only Conv, ReLU, ReLU6, Sigmoid,
Add, Concat, means and bilinear Resize x2 occur, so that the exported graph is plain.
"""
import torch
from torch import nn
from torch.nn import functional as F

from garment_backbone import CHANNELS, GarmentBackbone
from inverted_residual import Depthwise, Pointwise
from pose_backbone import PoseBackbone, upsample

# Offsets leave the last convolution in units of this many input pixels.
OFFSET_UNIT = 32.0
# Most cells are no centre.
CENTER_BIAS = -3.0
# Channels of the pose backbone at 1/32 of the photo, and at 1/8: features, 17 joints, centres.
POSE_DEEP, POSE_CHANNELS = 144, 24 + 17 + 1


def half_precision(device):
    """A context in which a device computes with bfloat16, if it is faster so; some processors imitate it."""
    faster = device.type == 'cuda' or torch.cpu._is_avx512_bf16_supported()
    return torch.autocast(device.type, torch.bfloat16, enabled=faster)


class Refine(nn.Sequential):
    """Depthwise kxk, pointwise, batch norm, ReLU."""

    def __init__(self, inputs, outputs, kernel=3):
        super().__init__(Depthwise(inputs, kernel), Pointwise(inputs, outputs, bias=False),
                         nn.BatchNorm2d(outputs, momentum=0.05), nn.ReLU(inplace=True))


class Lateral(nn.Sequential):
    """Pointwise, batch norm."""

    def __init__(self, inputs, outputs):
        super().__init__(Pointwise(inputs, outputs, bias=False), nn.BatchNorm2d(outputs, momentum=0.05))


class Parser(nn.Module):
    """photo -> logits, centers, offsets.

    In training also logits of what is in the photo: [N, classes] by the class, [N, names] by the data set's
    finer names, and [N, names, H/4, W/4] of each pixel's name.
    """

    def __init__(self, classes=20, width=112, fine=80, finest=24, names=59):
        super().__init__()
        self.garments = GarmentBackbone()
        self.pose = PoseBackbone()
        c = CHANNELS
        self.deep = Lateral(c['deep'] + POSE_DEEP, width)
        self.scene = Pointwise(width, width)
        self.presence = Pointwise(width, classes)
        self.worn = Pointwise(2 * width, names)
        self.context = nn.Sequential(Refine(width, width, 5), Refine(width, width, 5))
        self.lateral16 = Lateral(c['sixteenth'], width)
        self.refine16 = nn.Sequential(Refine(width, width, 5), Refine(width, width, 5))
        self.lateral8 = Lateral(c['eighth'] + POSE_CHANNELS, width)
        self.refine8 = nn.Sequential(Refine(width, width, 5), Refine(width, width))
        self.down8 = Lateral(width, fine)
        self.lateral4 = Lateral(c['quarter'], fine)
        self.refine4 = nn.Sequential(Refine(fine, fine), Refine(fine, fine))
        self.classify4 = Pointwise(fine, classes)
        self.name4 = Pointwise(fine, names)
        self.people = nn.Sequential(Refine(fine, fine, 5), Pointwise(fine, 3))
        self.down4 = Lateral(fine, finest)
        self.lateral2 = Lateral(c['half'], finest)
        self.refine2 = Refine(finest, finest)
        self.classify2 = Pointwise(finest, classes)

    def forward(self, x):
        pose_taps = self.pose.pyramid(F.avg_pool2d(x, 2))
        pose = self.pose.pose_features(pose_taps)
        joints = torch.sigmoid(self.pose.heatmap(pose))
        center = torch.sigmoid(self.pose.center(pose))
        taps = self.garments(x)
        y = F.relu(self.deep(torch.cat([taps['deep'], pose_taps['sixteenth']], 1)))
        scene = self.scene(y.mean((2, 3), keepdim=True))
        y = y + self.context(y)
        deep, y = y, y + scene
        y = F.relu(upsample(y) + self.lateral16(taps['sixteenth']))
        y = self.refine16(y)
        y = F.relu(upsample(y) + self.lateral8(torch.cat([taps['eighth'], pose, joints, center], 1)))
        y = self.refine8(y)
        y = F.relu(upsample(self.down8(y)) + self.lateral4(taps['quarter']))
        y = after4 = self.refine4(y)
        people = self.people(y)
        z = F.relu(upsample(self.down4(y)) + self.lateral2(taps['half']))
        logits = upsample(self.classify4(y)) + self.classify2(self.refine2(z))
        centers, offsets = torch.sigmoid(people[:, :1] + CENTER_BIAS), people[:, 1:] * OFFSET_UNIT
        if not self.training:
            return logits, centers, offsets
        presence = self.presence(F.relu(scene))[..., 0, 0]
        # What is seen anywhere counts as much as what is seen on the whole.
        pooled = torch.cat([deep.mean((2, 3), keepdim=True), deep.amax((2, 3), keepdim=True)], 1)
        return logits, centers, offsets, presence, self.worn(pooled)[..., 0, 0], self.name4(after4)

    def decoder_parameters(self):
        return [p for name, p in self.named_parameters() if not name.startswith(('garments.', 'pose.'))]
