"""Tests of where a photograph is from: python -m unittest discover models/training"""
import unittest

from list_photographs import origin

PORTRAITS = {'18f_079': 'assets/img/team/somebody.jpg'}
NOBODY = {'coco-000000000025': 'images/000000000025.jpg', 'openimages-00a5be32d303e480': 'images/x.jpg'}


class Origin(unittest.TestCase):
    def of(self, name):
        return origin(name, PORTRAITS, NOBODY)

    def test_each_kind_has_its_licence(self):
        self.assertEqual(self.of('0004'), ('Clothing Co-Parsing', 'photos/0004.jpg', 'Apache-2.0'))
        self.assertEqual(self.of('00a5be32d303e480'), ('Open Images', '00a5be32d303e480', 'CC BY 2.0'))
        self.assertEqual(self.of('18f_079')[1:], ('assets/img/team/somebody.jpg', 'public domain, CC0'))
        self.assertEqual(self.of('openimages-00a5be32d303e480')[2], 'CC BY 2.0')
        self.assertEqual(self.of('coco-000000000025')[0], 'COCO')

    def test_what_nobody_knows_is_an_error(self):
        with self.assertRaises(ValueError):
            self.of('holiday')


if __name__ == '__main__':
    unittest.main()
