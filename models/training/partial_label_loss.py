"""Losses for label maps in which a pixel may be known only as one of several classes."""
import torch
from torch.nn import functional as F

from label_codes import IGNORE, PAIRS, membership

CLASSES = 20
# Of the Lovasz-softmax: sorting all pixels of a batch for each class is dear, and neighbours say the same.
EVERY, MIN_PIXELS = 2, 10


class PartialLabelLoss(torch.nn.Module):
    """Cross entropy with label smoothing (set codes by their summed probability), soft Dice, Lovasz-softmax.

    logits float [N, 20, H, W], codes long [N, H, W].
    """

    def __init__(self, smoothing=0.03, dice=0.3, lovasz=0.5):
        super().__init__()
        self.register_buffer('allowed', torch.from_numpy(membership())[CLASSES:].bool())
        self.smoothing, self.dice, self.lovasz = smoothing, dice, lovasz

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
        cross_entropy = total / count.clamp(min=1)
        p = log_p.exp()
        return (cross_entropy + self.dice * self.dice_loss(p, target, known)
                + self.lovasz * lovasz_loss(p, target, known))

    def dice_loss(self, p, target, known):
        """1 - mean Dice over the classes present in the batch."""
        p = p * known[:, None]
        of_target = p.gather(1, target[:, None])[:, 0][known]
        hit = torch.zeros(CLASSES, device=p.device).scatter_add_(0, target[known], of_target)
        present = torch.bincount(target[known], minlength=CLASSES).float()
        dice = (2 * hit + 1) / (p.sum((0, 2, 3)) + present + 1)
        return 1 - dice[present > 20].mean()


def sides_loss(logits, codes):
    """Left or right, of what is known to be one of a pair of limbs: mean over the pairs present."""
    losses = []
    for left, right in PAIRS.values():
        known = (codes == left) | (codes == right)
        if known.any():
            odds = (logits[:, left] - logits[:, right])[known]
            losses.append(F.binary_cross_entropy_with_logits(odds, (codes[known] == left).float()))
    return torch.stack(losses).mean() if losses else logits.sum() * 0


def lovasz_loss(p, target, known):
    """1 - mean IoU over the classes present, made continuous: Lovasz-softmax (Berman et al., CVPR 2018).

    The loss of a set of mistaken pixels, 1 - IoU, is extended to errors between 0 and 1 by adding them up,
    the largest first, each times what its pixel's mistake adds to the loss of those before it.
    """
    row, column = torch.randint(EVERY, (2,)).tolist()
    grid = (slice(None), slice(row, None, EVERY), slice(column, None, EVERY))
    known, target = known[grid], target[grid]
    p = p[:, :, row::EVERY, column::EVERY].permute(1, 0, 2, 3)[:, known]
    target = target[known]
    losses = []
    for index in torch.nonzero(torch.bincount(target, minlength=CLASSES) >= MIN_PIXELS)[:, 0].tolist():
        mine = (target == index).float()
        errors, order = (mine - p[index]).abs().sort(descending=True)
        mine = mine[order]
        missed, added = mine.cumsum(0), (1 - mine).cumsum(0)
        total = missed[-1]
        loss = 1 - (total - missed) / (total + added)
        weight = torch.cat([loss[:1], loss[1:] - loss[:-1]])
        losses.append(errors @ weight)
    return torch.stack(losses).mean() if losses else p.sum() * 0
