"""Garments and bags of one photograph put on the person of another.

What is rare is then worn over anything, and what is carried is no garment.

Copy-paste (Ghiasi et al., CVPR 2021) of single garments, placed by shoulders and hips.
"""
import cv2
import numpy as np

from label_codes import BAG_NAMES, CLASS, CODE
from packed_photographs import pasted
from packing import single_person

# How often, and of what; the kinds that the person must not wear, or there would be two of them.
OFTEN = 0.35
GIVEN = {'scarf': 3.0, 'dress': 0.8, 'skirt': 1.0, 'coat': 0.7, 'bag': 2.0}
NOT_OVER = {'scarf': ['scarf'], 'dress': ['dress', 'skirt'], 'skirt': ['dress', 'skirt'],
            'coat': ['coat', 'suit'], 'bag': []}
DONOR_PIXELS = {'scarf': 800, 'dress': 6000, 'skirt': 4000, 'coat': 8000}
# These stay in front of what is given; hair does so half of the time.
IN_FRONT = [CLASS[name] for name in ('face', 'hat', 'sunglasses', 'gloves', 'left-arm', 'right-arm',
                                     'left-shoe', 'right-shoe')] + [CODE['arm'], CODE['shoe']]
MIN_PIXELS = 60


class Transplant:
    """Gives people garments of any of the `folders` (packed_photographs.Packed), and bags of the first."""

    def __init__(self, folders):
        self.kinds = list(GIVEN)
        self.probability = np.array(list(GIVEN.values())) / sum(GIVEN.values())
        self.holders = {kind: [holder for folder in folders
                               for holder in placed(folder, folder.holders(CODE[kind], pixels))]
                        for kind, pixels in DONOR_PIXELS.items()}
        carried = folders[0].worn[:, BAG_NAMES].any(1)
        self.holders['bag'] = placed(folders[0], np.flatnonzero(carried))

    def __call__(self, rng, folder, number, photo, codes, names, people, linear, origin):
        """Photo, codes, names and people with a garment more, or None if there is none this time.

        The crop shows photograph `number` of `folder`, its pixel p that photograph's linear @ p + origin.
        """
        if rng.random() >= OFTEN or np.isnan(folder.torsos[number]).any():
            return None
        kind = self.kinds[rng.choice(len(self.kinds), p=self.probability)]
        holders = self.holders[kind]
        if not holders or folder.counts[number, [CODE[name] for name in NOT_OVER[kind]]].any():
            return None
        donors, donor = holders[rng.integers(len(holders))]
        torso, donor_torso = folder.torsos[number], donors.torsos[donor]
        to_donor = similarity(torso, donor_torso, rng.random() < 0.5) * np.exp(rng.uniform(-0.1, 0.1, 2))
        moved = rng.uniform(-0.06, 0.06, 2) * np.ptp(donor_torso[:, 1])
        shift = donor_torso.mean(0) + moved - to_donor @ torso.mean(0)
        other, other_codes, other_names, _ = donors.cut(
            donor, to_donor @ linear, to_donor @ origin + shift, photo.shape[:2], cv2.BORDER_REFLECT)
        in_front = IN_FRONT + [CLASS['hair']] * (rng.random() < 0.5)
        kept = np.isin(other_names, BAG_NAMES) if kind == 'bag' else other_codes == CODE[kind]
        given = kept & ~np.isin(codes, in_front)
        if given.sum() < MIN_PIXELS:
            return None
        codes, names = np.where(given, other_codes, codes), np.where(given, other_names, names)
        # Only who is alone in a photograph has shoulders and hips here, so the wearer is person 1.
        people = np.where(given, single_person(other_codes), people)
        return pasted(rng, photo, other, given), codes, names, people


def placed(folder, numbers):
    """(folder, number) of those photographs whose shoulders and hips are known."""
    return [(folder, int(number)) for number in numbers if not np.isnan(folder.torsos[number]).any()]


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
