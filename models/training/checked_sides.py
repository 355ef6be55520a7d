"""Left and right in the labels of val.txt, looked through by hand: all 100 photographs, limb by limb.

The labels have their sides from the teacher's landmarks (training/prepare_labels.py). In these photographs
they are wrong: one arm is both, a leg in front of the other is the farther one, both shoes are of one side.
So nothing is measured there.
"""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / 'training'))
from label_codes import CLASS

UNTOLD = {'0411': ['shoe'], '0527': ['shoe'], '0763': ['arm', 'leg', 'shoe'], '0951': ['shoe']}


def untold(codes, name):
    """bool [H, W]: pixels of the label map of photograph `name` whose side is not to be relied on."""
    limbs = UNTOLD.get(name, [])
    return np.isin(codes, [CLASS[f'{side}-{limb}'] for side in ('left', 'right') for limb in limbs])
