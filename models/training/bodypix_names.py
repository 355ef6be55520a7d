"""The twenty-four parts of BodyPix, in its order; left and right are the person's own."""

PARTS = """left-face right-face left-upper-arm-front left-upper-arm-back right-upper-arm-front
    right-upper-arm-back left-lower-arm-front left-lower-arm-back right-lower-arm-front right-lower-arm-back
    left-hand right-hand torso-front torso-back left-upper-leg-front left-upper-leg-back right-upper-leg-front
    right-upper-leg-back left-lower-leg-front left-lower-leg-back right-lower-leg-front right-lower-leg-back
    left-foot right-foot""".split()


def region_of(part):
    """Which region of the body a part shows: its name without side, front and back; a face is a head."""
    name = part.removeprefix('left-').removeprefix('right-').removesuffix('-front').removesuffix('-back')
    return 'head' if name == 'face' else name


def mirrored_parts():
    """Index of each part in the mirror."""
    swap = {'left': 'right', 'right': 'left'}
    return [PARTS.index('-'.join([swap.get(side, side), rest]))
            for side, _, rest in (part.partition('-') for part in PARTS)]
