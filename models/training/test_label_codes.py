"""Tests of what the labels mean, without torch: python -m unittest discover models/training"""
import json
import tempfile
import unittest
from pathlib import Path

import numpy as np

from checked_sides import untold, without_untold
from label_codes import (
    CIHP,
    CLASS,
    CODE,
    IGNORE,
    UNKNOWN_NAME,
    ccp_table,
    either,
    membership,
    mirror_table,
    name_of_codes,
    read_tags,
)

NAMES = """null accessories bag belt blazer blouse bodysuit boots bra bracelet cape cardigan clogs coat dress
    earrings flats glasses gloves hair hat heels hoodie intimate jacket jeans jumper leggings loafers necklace
    panties pants pumps purse ring romper sandals scarf shirt shoes shorts skin skirt sneakers socks stockings
    suit sunglasses sweater sweatshirt swimwear t-shirt tie tights top vest wallet watch wedges""".split()


def ids(names):
    return [NAMES.index(name) for name in names.split()]


class Tags(unittest.TestCase):
    def read(self, **tags):
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder)
            data.joinpath('classes.txt').write_text('\n'.join(NAMES))
            data.joinpath('tags.json').write_text(json.dumps({k: ids(names) for k, names in tags.items()}))
            return read_tags(data)

    def test_what_another_photograph_left_behind_is_not_worn(self):
        own = 'null hair jeans skin t-shirt'
        tags = self.read(own=own, mixed=f'{own} skirt sunglasses watch')
        self.assertEqual(tags['own'], ids(own))
        self.assertEqual(tags['mixed'], ids(own))

    def test_a_jumper_is_a_dress(self):
        tags = self.read(jumper='null hair jumper skin', both='null dress jumper skin')
        self.assertEqual(tags['jumper'], ids('null dress hair skin'))
        self.assertEqual(tags['both'], ids('null dress skin'))


class Codes(unittest.TestCase):
    def test_names_become_codes(self):
        table = ccp_table(NAMES)
        expected = {'bag': CLASS['background'], 'blazer': CLASS['coat'], 'romper': CLASS['dress'],
                    'tights': CLASS['socks'], 'skin': CODE['skin'], 'boots': CODE['shoe'], 'watch': IGNORE}
        for name, code in expected.items():
            self.assertEqual(table[NAMES.index(name)], code, name)

    def test_a_code_has_a_name_where_one_tag_means_it(self):
        table = name_of_codes(NAMES, ids('null blazer skin skirt shirt t-shirt'))
        self.assertEqual(table[CLASS['coat']], NAMES.index('blazer'))
        self.assertEqual(table[CLASS['left-arm']], NAMES.index('skin'))
        self.assertEqual(table[CLASS['upper-clothes']], UNKNOWN_NAME)
        self.assertEqual(table[CLASS['dress']], UNKNOWN_NAME)

    def test_the_mirror_changes_sides_and_nothing_else(self):
        table = mirror_table()
        self.assertEqual(table[CLASS['left-shoe']], CLASS['right-shoe'])
        self.assertEqual(table[CODE['arm']], CODE['arm'])
        np.testing.assert_array_equal(table[table], np.arange(256))

    def test_either_of_two_classes_and_their_sides_in_the_mirror(self):
        code = either(CLASS['left-arm'], CLASS['coat'])
        self.assertEqual([CIHP[i] for i in np.flatnonzero(membership()[code])], ['coat', 'left-arm'])
        self.assertEqual(mirror_table()[code], either(CLASS['coat'], CLASS['right-arm']))
        self.assertEqual(either(CLASS['left-leg'], CLASS['right-leg']), CODE['leg'])
        self.assertEqual(either(CLASS['hat'], CLASS['hat']), CLASS['hat'])
        self.assertEqual(either(CLASS['hat'], CLASS['background']), IGNORE)
        self.assertLess(max(CODE.values()), IGNORE)

    def test_a_set_allows_its_classes(self):
        allowed = membership()
        self.assertEqual([CIHP[i] for i in np.flatnonzero(allowed[CODE['suit']])], ['coat', 'pants'])
        np.testing.assert_array_equal(allowed[:len(CIHP)], np.eye(len(CIHP)))


class Drawn(unittest.TestCase):
    def test_outlines_are_of_classes_and_have_an_inside(self):
        for name, photos in json.loads(Path(__file__).with_name('drawn.json').read_text()).items():
            self.assertIn(name, [*CLASS, 'carried'])
            for photo, lines in photos.items():
                for line in lines or []:
                    self.assertEqual(len(line) % 2, 0, photo)
                    x, y = np.reshape(line, (-1, 2)).T
                    self.assertGreater(abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)), 200, photo)


class CheckedSides(unittest.TestCase):
    NAMES = 'left-shoe', 'right-shoe', 'left-leg', 'dress'
    CODES = np.array([[*(CLASS[name] for name in NAMES), 0, IGNORE]], np.uint8)

    def test_only_the_named_limbs_of_the_named_photographs(self):
        self.assertEqual(untold(self.CODES, '0411').tolist(), [[True, True, False, False, False, False]])
        self.assertEqual(untold(self.CODES, '0763').tolist(), [[True, True, True, False, False, False]])
        self.assertFalse(untold(self.CODES, '0412').any())

    def test_either_side_may_be_right_there(self):
        codes = without_untold(self.CODES, '0763').tolist()
        self.assertEqual(codes, [[CODE['shoe'], CODE['shoe'], CODE['leg'], CLASS['dress'], 0, IGNORE]])
        np.testing.assert_array_equal(without_untold(self.CODES, '0412'), self.CODES)


if __name__ == '__main__':
    unittest.main()
