"""Photographs to choose weights and thresholds on, and those to report on: two halves that never change.

A photograph is in the first half if the SHA-256 of its id is an even number: 52 and 48 of val.txt.
"""
import hashlib

HALVES = {'choose': 0, 'report': 1}


def half_of(name):
    """'choose' or 'report', by the photograph's id."""
    odd = int(hashlib.sha256(name.encode('ascii')).hexdigest(), 16) % 2
    return 'report' if odd else 'choose'


def add_option(parser):
    parser.add_argument('--half', choices=HALVES, help='of the photographs: to choose or report on')


def in_half(names, half):
    """Those of the ids that are in this half, or all of them where it is None."""
    return [name for name in names if half in (None, half_of(name))]
