"""Codes of the training label maps: CIHP classes, sets of classes where the truth is partly known, ignore.

A code 0..19 says: this pixel is that CIHP class. A code of SET_MEMBERS says: it is one of those classes, not
known which (skin of an unknown limb, a shoe of an unknown foot); the loss then asks only for the sum of
their probabilities. IGNORE says nothing.
"""
import functools
import itertools
import json

import numpy as np

CIHP = ['background', 'hat', 'hair', 'gloves', 'sunglasses', 'upper-clothes', 'dress', 'coat', 'socks',
        'pants', 'torso-skin', 'scarf', 'skirt', 'face', 'left-arm', 'right-arm', 'left-leg', 'right-leg',
        'left-shoe', 'right-shoe']
CLASS = {name: i for i, name in enumerate(CIHP)}
# The classes, left and right, of each limb.
PAIRS = {limb: [CLASS[f'left-{limb}'], CLASS[f'right-{limb}']] for limb in ('arm', 'leg', 'shoe')}
IGNORE = 255

SET_MEMBERS = {
    'skin': 'face torso-skin left-arm right-arm left-leg right-leg',
    'neck': 'face torso-skin',
    'trunk-or-arm': 'torso-skin left-arm right-arm',
    'arm': 'left-arm right-arm',
    'leg': 'left-leg right-leg',
    'shoe': 'left-shoe right-shoe',
    'suit': 'coat pants',
    'garment': 'upper-clothes dress coat pants skirt',
    # What may be seen of a part of the body, by that part.
    'on-head': 'face hair hat sunglasses scarf torso-skin',
    'on-arm': 'left-arm right-arm gloves upper-clothes coat dress scarf',
    'on-trunk': 'upper-clothes dress coat pants skirt torso-skin scarf hair',
    'on-leg': 'left-leg right-leg pants skirt dress coat socks',
    'on-foot': 'left-shoe right-shoe socks left-leg right-leg pants',
    'somebody': ' '.join(CIHP[1:]),
}
# Where two answers differ, either is right: a set for every two classes but the background.
PAIR_NAMES = {frozenset(pair): f'{pair[0]}/{pair[1]}' for pair in itertools.combinations(CIHP[1:], 2)
              if ' '.join(pair) not in SET_MEMBERS.values()}
SET_MEMBERS |= {name: ' '.join(sorted(pair, key=CIHP.index)) for pair, name in PAIR_NAMES.items()}
SKIN_CODES = {*SET_MEMBERS['skin'].split(), 'skin', 'neck', 'trunk-or-arm', 'arm', 'leg'}
CODE = dict(CLASS) | {name: len(CIHP) + i for i, name in enumerate(SET_MEMBERS)}
CODES = len(CODE)
_CODE_OF_MEMBERS = {frozenset(members.split()): CODE[name] for name, members in SET_MEMBERS.items()}


def membership():
    """float32 [CODES, 20]: 1 where the class is allowed by the code."""
    table = np.zeros((CODES, len(CIHP)), np.float32)
    table[:len(CIHP)] = np.eye(len(CIHP))
    for name, members in SET_MEMBERS.items():
        table[CODE[name], [CLASS[m] for m in members.split()]] = 1
    return table


def other_side(name):
    """The class in the mirror."""
    side, _, limb = name.partition('-')
    return {'left': 'right-', 'right': 'left-'}[side] + limb if side in ('left', 'right') else name


def either(first, second):
    """The code that allows two classes (indices); IGNORE if one of them is the background."""
    if first == second:
        return first
    return _CODE_OF_MEMBERS.get(frozenset((CIHP[first], CIHP[second])), IGNORE)


@functools.cache
def mirror_table():
    """uint8 [256]: code after a left-right flip of the photo."""
    table = np.arange(256, dtype=np.uint8)
    for name in CIHP:
        table[CLASS[name]] = CLASS[other_side(name)]
    for members, code in _CODE_OF_MEMBERS.items():
        table[code] = _CODE_OF_MEMBERS[frozenset(map(other_side, members))]
    table.flags.writeable = False
    return table


# Clothing Co-Parsing names by what they become. `skin`, `shoes` and `suit` are placeholders for the step
# that splits them with landmarks. What is not named here is jewellery and the like: ignored.
CCP_NAMES = {
    'background': 'null bag purse wallet',
    'hat': 'hat', 'hair': 'hair', 'gloves': 'gloves', 'scarf': 'scarf', 'skirt': 'skirt',
    'sunglasses': 'sunglasses glasses',
    'upper-clothes': 'blouse bodysuit bra hoodie intimate jumper shirt sweater sweatshirt swimwear t-shirt '
                     'top vest tie',
    'coat': 'blazer cape cardigan coat jacket',
    'dress': 'dress romper',
    'socks': 'socks stockings tights',
    'pants': 'jeans pants shorts leggings panties',
    'garment': 'belt',
    'skin': 'skin',
    'shoe': 'boots clogs flats heels loafers pumps sandals shoes sneakers wedges',
    'suit': 'suit',
}
# The data set's ids of bag and purse: background, but carried by a person.
BAG_NAMES = [2, 33]
# Of a pixel: nobody knows by which of the data set's names it goes.
UNKNOWN_NAME = 255


def ccp_table(class_names):
    """uint8 [256]: code of each Clothing Co-Parsing id; `class_names` are the lines of classes.txt."""
    table = np.full(256, IGNORE, np.uint8)
    for name, members in CCP_NAMES.items():
        for member in members.split():
            table[class_names.index(member)] = CODE[name]
    return table


def read_tags(data):
    """{photograph: ids of what is worn} of the data set's tags.json.

    The ids of a photograph rise. Where they do not, the rest was left there from one before. A `jumper` is a
    dress without sleeves in the tags, while label maps call knitted tops so.
    """
    class_names = data.joinpath('classes.txt').read_text().split()
    dress, jumper = map(class_names.index, ('dress', 'jumper'))
    tags = {}
    for photo, ids in json.loads(data.joinpath('tags.json').read_text()).items():
        own = [tag for i, tag in enumerate(ids) if np.all(np.diff(ids[:i + 1]) > 0)]
        tags[photo] = sorted({dress if tag == jumper else tag for tag in own})
    return tags


def name_of_codes(class_names, tags):
    """uint8 [256]: the data set's id by which each code goes in a photograph with these tags (ids).

    A code has one where a single tag means it: who is tagged with a skirt and a blazer wears that blazer
    wherever a coat is seen. Everything else is UNKNOWN_NAME.
    """
    table = np.full(256, UNKNOWN_NAME, np.uint8)
    codes = ccp_table(class_names)
    of_tags = codes[tags]
    for name in CCP_NAMES:
        meant = np.asarray(tags)[of_tags == CODE[name]]
        if len(meant) == 1:
            table[CODE[name]] = meant[0]
    table[[CODE[name] for name in SKIN_CODES]] = table[CODE['skin']]
    table[[CLASS['left-shoe'], CLASS['right-shoe']]] = table[CODE['shoe']]
    if table[CODE['suit']] != UNKNOWN_NAME:
        table[[CLASS['coat'], CLASS['pants']]] = UNKNOWN_NAME
    return table
