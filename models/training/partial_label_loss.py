"""Losses for label maps in which a pixel may be known only as one of several classes."""
import torch
from torch.nn import functional as F

from label_codes import IGNORE, membership

CLASSES = 20


class PartialLabelLoss(torch.nn.Module):
    """Cross entropy with label smoothing, set codes by their summed probability, and soft Dice.

    logits float [N, 20, H, W], codes long [N, H, W].
    """

    def __init__(self, smoothing=0.03, dice=0.6):
        super().__init__()
        self.register_buffer('allowed', torch.from_numpy(membership())[CLASSES:].bool())
        self.smoothing, self.dice = smoothing, dice

    def forward(self, logits, codes):
        log_p = F.log_softmax(logits.float(), 1)
        known = codes < CLASSES
        target = codes.clamp(max=CLASSES - 1)
        picked = log_p.gather(1, target[:, None])[:, 0]
        per_pixel = (1 - self.smoothing) * picked + self.smoothing * log_p.mean(1)
        total, count = -per_pixel[known].sum(), known.sum()
        in_set = (codes >= CLASSES) & (codes != IGNORE)
        if in_set.any():
            vectors = log_p.permute(0, 2, 3, 1)[in_set]
            allowed = self.allowed[codes[in_set] - CLASSES]
            total = total - vectors.masked_fill(~allowed, -30.0).logsumexp(1).sum()
            count = count + in_set.sum()
        return total / count.clamp(min=1) + self.dice * self.dice_loss(log_p, target, known)

    def dice_loss(self, log_p, target, known):
        """1 - mean Dice over the classes present in the batch."""
        p = log_p.exp() * known[:, None]
        hit = torch.zeros(CLASSES).scatter_add_(0, target[known], p.gather(1, target[:, None])[:, 0][known])
        present = torch.bincount(target[known], minlength=CLASSES).float()
        dice = (2 * hit + 1) / (p.sum((0, 2, 3)) + present + 1)
        return 1 - dice[present > 20].mean()
