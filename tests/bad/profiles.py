"""ICC profiles for the tests, made from numbers: nobody else's bytes."""

import struct

import numpy as np

# x and y of red, green, blue (SMPTE EG 432-1, Adobe RGB 1998) and of the white point D65.
DISPLAY_P3 = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
ADOBE_RGB = ((0.640, 0.330), (0.210, 0.710), (0.150, 0.060))
D65 = (0.3127, 0.3290)
D50 = np.array([0.9642, 1.0, 0.8249])
SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def _fixed(value):
    return struct.pack(">i", round(value * 65536))


def _xyz(values):
    return b"XYZ \0\0\0\0" + b"".join(map(_fixed, values))


def _parametric(parameters):
    kind = {1: 0, 5: 3}[len(parameters)]
    return b"para\0\0\0\0" + struct.pack(">HH", kind, 0) + b"".join(map(_fixed, parameters))


def _text(text):
    return (
        b"mluc\0\0\0\0"
        + struct.pack(">IIHHII", 1, 12, 0x656E, 0x5553, 2 * len(text), 28)
        + text.encode("utf-16-be")
    )


def _profile(space, connection, kind, tags):
    tags = {b"desc": _text("test"), b"cprt": _text("none"), b"wtpt": _xyz(D50), **tags}
    table, data = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += name + struct.pack(">II", start + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    header = struct.pack(">I4sI4s4s4s", start + len(data), b"test", 0x04300000, kind, space, connection)
    header += bytes(12) + b"acsp" + bytes(28) + b"".join(map(_fixed, D50)) + bytes(48)
    return header[:128].ljust(128, b"\0") + table + data


def rgb(primaries, curve=SRGB_CURVE):
    """Of a display with these primaries."""

    def lifted(x, y):
        return np.array([x / y, 1, (1 - x - y) / y])

    columns = np.stack([lifted(*primary) for primary in primaries], axis=1)
    columns = columns * np.linalg.solve(columns, lifted(*D65))
    cones = np.diag((BRADFORD @ D50) / (BRADFORD @ lifted(*D65)))
    columns = np.linalg.inv(BRADFORD) @ cones @ BRADFORD @ columns
    tags = {}
    for letter, column in zip(b"rgb", columns.T, strict=True):
        tags[bytes([letter]) + b"XYZ"] = _xyz(column)
        tags[bytes([letter]) + b"TRC"] = _parametric(curve)
    return _profile(b"RGB ", b"XYZ ", b"mntr", tags)


def grey(exponent):
    """Of a grey scale."""
    return _profile(b"GRAY", b"XYZ ", b"mntr", {b"kTRC": _parametric([exponent])})


def cmyk():
    """Of inks that are lighter than pure ones, as a table of 5 steps an ink."""
    steps = 5
    grid = np.stack(np.meshgrid(*[np.linspace(0, 1, steps)] * 4, indexing="ij"), axis=-1).reshape(-1, 4)
    lightness = 95 - 80 * grid[:, 3] - (18 * grid[:, 0] + 25 * grid[:, 1] + 4 * grid[:, 2]) * (1 - grid[:, 3])
    red_green = (60 * grid[:, 1] - 35 * grid[:, 0]) * (1 - grid[:, 3])
    yellow_blue = (75 * grid[:, 2] - 45 * grid[:, 0] - 10 * grid[:, 1]) * (1 - grid[:, 3])
    lab = np.stack([lightness / 100, (red_green + 128) / 255, (yellow_blue + 128) / 255], axis=1)
    table = b"mft1\0\0\0\0" + bytes([4, 3, steps, 0]) + b"".join(map(_fixed, np.eye(3).ravel()))
    table += bytes(range(256)) * 4 + np.clip(np.rint(lab * 255), 0, 255).astype(np.uint8).tobytes()
    table += bytes(range(256)) * 3
    return _profile(b"CMYK", b"Lab ", b"prtr", {b"A2B0": table, b"A2B1": table, b"A2B2": table})
