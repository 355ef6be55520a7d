"""Garments of one photograph put on the person of another: what is rare is then worn over anything.

Copy-paste (Ghiasi et al., CVPR 2021) of single garments, placed by shoulders and hips.
"""
import cv2
import numpy as np

from label_codes import CLASS, CODE
from packed_photographs import pasted

# How often, and of what; the kinds that the person must not wear, or there would be two of them.
OFTEN = 0.35
GIVEN = {'scarf': 3.0, 'dress': 1.5, 'skirt': 1.0, 'coat': 0.7}
NOT_OVER = {'scarf': ['scarf'], 'dress': ['dress', 'skirt'], 'skirt': ['dress', 'skirt'],
            'coat': ['coat', 'suit']}
DONOR_PIXELS = {'scarf': 800, 'dress': 6000, 'skirt': 4000, 'coat': 8000}
# These stay in front of what is given; hair does so half of the time.
IN_FRONT = [CLASS[name] for name in ('face', 'hat', 'sunglasses', 'gloves', 'left-arm', 'right-arm',
                                     'left-shoe', 'right-shoe')] + [CODE['arm'], CODE['shoe']]
MIN_PIXELS = 60


class Transplant:
    """Gives people of any folder garments of the labelled ones in `donors` (packed_photographs.Packed)."""

    def __init__(self, donors):
        self.donors = donors
        self.kinds = list(GIVEN)
        self.probability = np.array(list(GIVEN.values())) / sum(GIVEN.values())
        placed = ~np.isnan(donors.torsos).any((1, 2))
        self.holders = {kind: [n for n in donors.holders(CODE[kind], pixels) if placed[n]]
                        for kind, pixels in DONOR_PIXELS.items()}

    def __call__(self, rng, folder, number, photo, codes, names, linear, origin):
        """Photo, codes and names with a garment more, or None if there is none this time.

        The crop shows photograph `number` of `folder`, its pixel p that photograph's linear @ p + origin.
        """
        if rng.random() >= OFTEN or np.isnan(folder.torsos[number]).any():
            return None
        kind = self.kinds[rng.choice(len(self.kinds), p=self.probability)]
        holders = self.holders[kind]
        if not holders or folder.counts[number, [CODE[name] for name in NOT_OVER[kind]]].any():
            return None
        donor = int(holders[rng.integers(len(holders))])
        torso, donor_torso = folder.torsos[number], self.donors.torsos[donor]
        to_donor = similarity(torso, donor_torso, rng.random() < 0.5) * np.exp(rng.uniform(-0.1, 0.1, 2))
        moved = rng.uniform(-0.06, 0.06, 2) * np.ptp(donor_torso[:, 1])
        shift = donor_torso.mean(0) + moved - to_donor @ torso.mean(0)
        other, other_codes, other_names = self.donors.cut(
            donor, to_donor @ linear, to_donor @ origin + shift, photo.shape[:2], cv2.BORDER_REFLECT)
        in_front = IN_FRONT + [CLASS['hair']] * (rng.random() < 0.5)
        given = (other_codes == CODE[kind]) & ~np.isin(codes, in_front)
        if given.sum() < MIN_PIXELS:
            return None
        codes, names = np.where(given, other_codes, codes), np.where(given, other_names, names)
        return pasted(rng, photo, other, given), codes, names


def similarity(points, others, mirrored):
    """float [2, 2] that turns and sizes the points about their mean as is nearest to the others about theirs.

    Points are [4, (x, y)], left and right shoulder, left and right hip; `mirrored` looks at the other person
    in the mirror, whose left is then on the right. Least squares, as complex numbers.
    """
    sign = np.array([-1.0, 1.0]) if mirrored else np.ones(2)
    goal = (others[[1, 0, 3, 2]] if mirrored else others) * sign
    p, q = (points - points.mean(0)) @ [1, 1j], (goal - goal.mean(0)) @ [1, 1j]
    turn = (p.conj() @ q) / (p.conj() @ p).real
    return sign[:, None] * np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
