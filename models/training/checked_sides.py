"""Left and right in labels that have their sides from the teacher's landmarks (prepare_labels.py), by hand.

All 100 photographs of val.txt were looked through, limb by limb, and those 69 of train.txt in which a network
that had learned from the labels still said otherwise, of 500 pixels and 15 % of both limbs at least. Here
they are wrong or cannot be told: one arm is both, legs cross, a leg in front of the other is the farther one,
both shoes are of one side. So nothing is measured and nothing learned there.
"""
import numpy as np

from label_codes import CODE, PAIRS

UNTOLD = {
    # val.txt
    '0411': ['shoe'], '0527': ['shoe'], '0763': ['arm', 'leg', 'shoe'], '0951': ['shoe'],
    # train.txt
    '0010': ['arm'], '0014': ['leg'], '0016': ['arm'], '0023': ['leg', 'shoe'], '0041': ['leg', 'shoe'],
    '0045': ['leg', 'shoe'], '0047': ['shoe'], '0063': ['arm'], '0108': ['leg', 'shoe'], '0109': ['shoe'],
    '0110': ['leg', 'shoe'], '0129': ['leg', 'shoe'], '0144': ['leg', 'shoe'], '0178': ['shoe'],
    '0202': ['arm', 'leg', 'shoe'], '0206': ['shoe'], '0232': ['shoe'], '0258': ['leg', 'shoe'],
    '0287': ['arm'], '0315': ['arm'], '0331': ['shoe'], '0355': ['arm'], '0358': ['arm', 'shoe'],
    '0398': ['shoe'], '0403': ['leg'], '0407': ['shoe'], '0436': ['shoe'], '0464': ['leg'], '0466': ['shoe'],
    '0493': ['arm', 'shoe'], '0526': ['leg', 'shoe'], '0588': ['shoe'], '0595': ['arm'], '0610': ['shoe'],
    '0627': ['leg', 'shoe'], '0630': ['arm', 'shoe'], '0640': ['arm'], '0694': ['shoe'], '0695': ['shoe'],
    '0696': ['arm'], '0717': ['leg', 'shoe'], '0780': ['shoe'], '0782': ['leg'], '0798': ['shoe'],
    '0841': ['arm'], '0865': ['shoe'], '0872': ['leg', 'shoe'], '0877': ['arm'], '0893': ['shoe'],
    '0896': ['arm'], '0920': ['arm', 'shoe'], '0922': ['shoe'], '0958': ['shoe'], '0968': ['shoe'],
    '0979': ['leg', 'shoe'],
}


def untold(codes, name):
    """bool [H, W]: pixels of the label map of photograph `name` whose side is not to be relied on."""
    return np.isin(codes, [side for limb in UNTOLD.get(name, []) for side in PAIRS[limb]])


def without_untold(codes, name):
    """uint8 [H, W]: the label map with the codes of either side there."""
    codes = codes.copy()
    for limb in UNTOLD.get(name, []):
        codes[np.isin(codes, PAIRS[limb])] = CODE[limb]
    return codes
