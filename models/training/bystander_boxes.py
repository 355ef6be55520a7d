"""Boxes of the people in a photograph, from MoveNet's centre and box heads."""
import numpy as np
import torch
from torch.nn import functional as F

from pose_backbone import PoseBackbone

SCORE = 0.22
CELL = 4   # px of the photo a heatmap cell covers


class PersonBoxes:
    """Callable: photo uint8 [H, W, 3] -> float32 [N, 4] of x0, y0, x1, y1 in pixels."""

    def __init__(self, movenet_json):
        self.backbone = PoseBackbone().eval().to(memory_format=torch.channels_last)
        self.backbone.load_movenet(movenet_json)

    @torch.no_grad()
    def __call__(self, photo):
        height, width = photo.shape[:2]
        x = torch.from_numpy(photo.astype(np.float32)).permute(2, 0, 1)[None] / 127.5 - 1
        x = F.pad(x, (0, -width % 32, 0, -height % 32)).contiguous(memory_format=torch.channels_last)
        pose = self.backbone.pose_features(self.backbone.pyramid(x))
        score = torch.sigmoid(self.backbone.center(pose))
        size = self.backbone.box(pose)[0]
        peak = (F.max_pool2d(score, 5, 1, 2) == score) & (score > SCORE)
        boxes = []
        for row, column in peak[0, 0].nonzero().tolist():
            # MoveNet's box head gives height, width in cells.
            half_height, half_width = (0.5 * CELL * size[i, row, column].item() for i in (0, 1))
            x0, y0 = CELL * (column + 0.5), CELL * (row + 0.5)
            boxes.append([x0 - half_width, y0 - half_height, x0 + half_width, y0 + half_height])
        return np.array(boxes, np.float32).reshape(-1, 4)
