"""Good and bad photo files of many kinds, made from the sample photographs.

Each is an `Input`: what may be answered to it, and the pixels that are right if a photo is. "ok" must
give them; codes must not; both leave the choice.
"""

import io
import shutil
import struct
import subprocess
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import profiles
from PIL import Image, ImageCms, ImageOps

SAMPLES = Path(__file__).parents[2] / "www" / "samples"
SIZE = (133, 97)
OK, TRUNCATED, CORRUPT, UNSUPPORTED = "ok", "truncated", "corrupt-photo", "unsupported-format"
TOO_LARGE, EMPTY = "photo-too-large", "empty-file"
# JPEG markers, PNG's signature.
SOI, EOI, SOS, DHT, SOF = b"\xff\xd8", b"\xff\xd9", b"\xff\xda", b"\xff\xc4", b"\xff\xc0"
SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass
class Input:
    """One file, the answers that are right, and the right pixels as RGB: by default those of Pillow."""

    name: str
    file: bytes
    answers: tuple
    pixels: np.ndarray | None = None
    # Whether a browser shows the same: it ignores the orientation of WebP, and shows part of a cut file.
    in_browser: bool = True
    tolerance: float = 2.5


def photo(name="mpl_grace_hopper.jpg", size=SIZE):
    """A sample photograph, shrunk."""
    return Image.open(SAMPLES / name).convert("RGB").resize(size, Image.LANCZOS)


def pillow_pixels(file):
    """RGB as Pillow reads a file, upright, in sRGB and over white."""
    image = Image.open(io.BytesIO(file))
    image.load()
    if image.mode in ("I;16", "I"):
        image = Image.fromarray((np.asarray(image).astype(np.uint32) // 257).astype(np.uint8))
    profile = image.info.get("icc_profile")
    if image.mode in ("LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    image = ImageOps.exif_transpose(image)
    if profile:
        image = to_srgb(image, profile)
    return np.asarray(image.convert("RGB"))


def to_srgb(image, profile):
    """By littlecms."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")


def djpeg(file):
    """RGB as libjpeg-turbo reads a JPEG."""
    ran = subprocess.run(["djpeg", "-dct", "int"], input=file, capture_output=True, check=True)
    return np.asarray(Image.open(io.BytesIO(ran.stdout)).convert("RGB"))


def encoded(image, kind="JPEG", **options):
    """The file that Pillow writes."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def cjpeg(image, *arguments, scans=None):
    """The file that libjpeg-turbo writes."""
    ppm = encoded(image, "PPM")
    with tempfile.TemporaryDirectory() as folder:
        if scans:
            script = Path(folder, "scans")
            script.write_text(scans)
            arguments = (*arguments, "-scans", script)
        return subprocess.run(
            ["cjpeg", "-quality", "90", *arguments], input=ppm, capture_output=True, check=True
        ).stdout


def segment(marker, content):
    """A segment of a JPEG."""
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(content) + 2) + content


def exif(orientation, order=">"):
    """EXIF data with nothing but an orientation."""
    start = b"MM\0*" if order == ">" else b"II*\0"
    return start + struct.pack(f"{order}IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def after_soi(jpeg, added):
    """The JPEG with something before its first segment."""
    return SOI + added + jpeg[2:]


def without(jpeg, marker):
    """The JPEG without the segments of one marker before its first scan."""
    head, at = jpeg[:2], 2
    while jpeg[at : at + 2] != SOS:
        length = 2 + struct.unpack(">H", jpeg[at + 2 : at + 4])[0]
        if jpeg[at : at + 2] != marker:
            head += jpeg[at : at + length]
        at += length
    return head + jpeg[at:]


def jpegs():
    """JPEG files."""
    image = photo()
    plain = cjpeg(image)
    right = djpeg(plain)
    data = plain.index(SOS) + 14

    # Sampling, order of scans, restarts: right pixels or a refusal as unsupported.
    samplings = [
        "1x1",
        "2x1",
        "1x2",
        "2x2",
        "4x1",
        "1x4",
        "4x2",
        "2x4",
        "3x1",
        "1x3",
        "2x2,2x1,2x1",
        "2x2,1x2,1x2",
    ]
    samplings += [
        "2x1,1x2,1x2",
        "2x2,1x1,2x2",
        "1x1,2x2,2x2",
        "1x1,2x1,1x1",
        "1x2,2x1,2x1",
        "2x1,2x1,2x1",
        "1x4,1x2,1x2",
    ]
    alone, shared = "0;\n1;\n2;\n", "0;\n1 2;\n"
    progressive = "0: 0-0,0,1;\n1 2: 0-0,0,0;\n0: 1-63,0,0;\n1: 1-63,0,0;\n2: 1-63,0,0;\n0: 0-0,1,0;\n"
    for sampling in samplings:
        common = len(sampling) == 3 and "3" not in sampling and "4" not in sampling
        for kind, arguments, scans in [
            ("interleaved", (), None),
            ("progressive", ("-progressive",), None),
            ("alone", (), alone),
            ("shared", (), shared),
        ]:
            file = cjpeg(image, "-sample", sampling, *arguments, scans=scans)
            answers = (OK,) if common and kind != "shared" else (OK, UNSUPPORTED)
            yield Input(f"sampled-{kind}-{sampling.replace(',', '-')}.jpg", file, answers, djpeg(file))
    for kind, arguments, scans in [
        ("restarts", ("-restart", "5B"), None),
        ("restarts-progressive", ("-restart", "3B", "-progressive"), None),
        ("restarts-alone", ("-restart", "5B"), alone),
        ("restarts-shared", ("-restart", "5B"), shared),
        ("progressive-script", ("-progressive",), progressive),
        ("reversed", (), "2;\n1;\n0;\n"),
    ]:
        file = cjpeg(image, *arguments, scans=scans)
        answers = (OK, UNSUPPORTED) if kind in ("restarts-alone", "restarts-shared") else (OK,)
        yield Input(f"{kind}.jpg", file, answers, djpeg(file))
    for size in [(1, 1), (7, 40), (16, 16), (17, 9), (8, 255)]:
        for name, arguments in [("plain", ()), ("progressive", ("-progressive",))]:
            file = cjpeg(photo(size=size), *arguments)
            yield Input(f"{name}-{size[0]}x{size[1]}.jpg", file, (OK,), djpeg(file))

    # Good files that are written oddly.
    yield Input("fill-bytes.jpg", after_soi(plain, b"\xff"), (OK,), right)
    yield Input(
        "fill-bytes-many.jpg",
        plain.replace(SOS, b"\xff" * 9 + SOS, 1).replace(DHT, b"\xff" * 3 + DHT),
        (OK,),
        right,
    )
    yield Input("fill-before-end.jpg", plain[:-2] + b"\xff\xff\xff" + EOI, (OK,), right)
    yield Input("stray-bytes.jpg", plain.replace(DHT, b"\0\x01\x02stray" + DHT, 1), (OK,), right)
    yield Input("stray-bytes-first.jpg", after_soi(plain, b"\0\0"), (OK,), right)
    comment = segment(0xFE, b"a comment")
    yield Input("comment.jpg", after_soi(plain, comment), (OK,), right)
    yield Input("comment-longer.jpg", after_soi(plain, comment + b"!"), (OK,), right)
    yield Input(
        "comment-shorter.jpg",
        after_soi(plain, comment[:-1]),
        (OK, CORRUPT, TRUNCATED),
        right,
        in_browser=False,
    )
    yield Input("comment-empty.jpg", after_soi(plain, segment(0xFE, b"")), (OK,), right)
    yield Input("comment-largest.jpg", after_soi(plain, segment(0xFE, bytes(65533))), (OK,), right)
    yield Input("comment-too-short.jpg", after_soi(plain, b"\xff\xfe\0\x01"), (CORRUPT,))
    yield Input("extended.jpg", plain.replace(SOF, b"\xff\xc1", 1), (OK,), right)
    yield Input("no-jfif.jpg", without(plain, b"\xff\xe0"), (OK,), right)
    yield Input("after-end.jpg", plain + bytes(500) + plain, (OK,), right)
    yield Input("tables-apart.jpg", cjpeg(image, "-optimize"), (OK,))

    # Ends: only what lacks data is cut off.
    files = {
        "plain": plain,
        "optimised": cjpeg(image, "-optimize"),
        "progressive": cjpeg(image, "-progressive"),
        "restarts": cjpeg(image, "-restart", "5B"),
        "alone": cjpeg(image, scans=alone),
        "grey": cjpeg(image, "-grayscale"),
    }
    for kind, file in files.items():
        start = file.index(SOS) + 14
        # Chromium leaves the last rows out.
        yield Input(f"no-end-{kind}.jpg", file[:-2], (OK,), djpeg(file), in_browser=False)
        yield Input(f"padded-{kind}.jpg", file[:-2] + bytes(100) + EOI, (OK,), djpeg(file))
        for part in (0.02, 0.3, 0.5, 0.8, 0.97):
            at = start + int(part * (len(file) - start))
            rest = len(file) - at
            for how, cut in [
                ("cut", file[:at]),
                ("closed", file[:at] + EOI),
                ("zeros", file[:at] + bytes(rest)),
                ("zeros-closed", file[:at] + bytes(rest) + EOI),
            ]:
                yield Input(f"{how}-{kind}-{int(100 * part)}.jpg", cut, (TRUNCATED,))
    for at in (2, 3, 20, plain.index(SOF) + 4, plain.index(SOS) + 3, data):
        yield Input(f"cut-header-{at}.jpg", plain[:at], (TRUNCATED,))
    white = cjpeg(Image.new("RGB", (800, 600), "white"), "-optimize")
    yield Input("white.jpg", white, (OK,), djpeg(white))
    yield Input("white-no-end.jpg", white[:-2], (OK,), djpeg(white))

    # Kinds that are not decoded, and what says so.
    yield Input("arithmetic.jpg", cjpeg(image, "-arithmetic"), (UNSUPPORTED,), in_browser=False)
    yield Input(
        "arithmetic-progressive.jpg",
        cjpeg(image, "-arithmetic", "-progressive"),
        (UNSUPPORTED,),
        in_browser=False,
    )
    frame = plain.index(SOF)
    yield Input("12-bits.jpg", plain[: frame + 4] + b"\x0c" + plain[frame + 5 :], (UNSUPPORTED,))
    for marker in (0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD):
        yield Input(f"frame-{marker:x}.jpg", plain.replace(SOF, bytes([0xFF, marker]), 1), (UNSUPPORTED,))
    yield Input("no-tables.jpg", without(plain, DHT), (OK, UNSUPPORTED), right)
    yield Input("no-quantisation.jpg", without(plain, b"\xff\xdb"), (CORRUPT,))
    yield Input("no-frame.jpg", without(plain, SOF), (CORRUPT,))
    yield Input("two-frames.jpg", plain.replace(SOF, plain[frame : frame + 19] + SOF, 1), (CORRUPT,))
    yield Input("no-height.jpg", plain[: frame + 5] + b"\0\0" + plain[frame + 7 :], (UNSUPPORTED,))
    yield Input("no-width.jpg", plain[: frame + 7] + b"\0\0" + plain[frame + 9 :], (CORRUPT,))
    yield Input("huge.jpg", plain[: frame + 5] + b"\xff" * 4 + plain[frame + 9 :], (TOO_LARGE,))
    yield Input("no-picture.jpg", SOI + EOI, (CORRUPT,))

    # What the components are.
    adobe = b"Adobe\0\x64\0\0\0\0"
    bare = without(plain, b"\xff\xe0")
    for transform in (1, 2, 3, 255):
        file = after_soi(bare, segment(0xEE, adobe + bytes([transform])))
        yield Input(f"adobe-{transform}.jpg", file, (OK, UNSUPPORTED), right)
    yield Input("adobe-short.jpg", after_soi(bare, segment(0xEE, adobe[:8])), (OK, UNSUPPORTED), right)
    rgb = cjpeg(image, "-rgb")
    yield Input("rgb.jpg", rgb, (OK,), djpeg(rgb))
    file = after_soi(without(rgb, b"\xff\xee"), segment(0xEE, adobe + b"\0"))
    yield Input("rgb-adobe.jpg", file, (OK,), djpeg(file))
    for name, options in [
        ("cmyk", {}),
        ("cmyk-progressive", {"progressive": True}),
        ("cmyk-444", {"subsampling": 0}),
    ]:
        yield Input(f"{name}.jpg", encoded(image.convert("CMYK"), quality=90, **options), (OK,))
    yield Input("grey.jpg", files["grey"], (OK,))
    grey = bytearray(files["grey"])
    grey[grey.index(SOF) + 11] = 0x22
    yield Input("grey-2x2.jpg", bytes(grey), (OK,), djpeg(files["grey"]))

    # EXIF.
    for orientation in range(1, 9):
        for order in "<>":
            file = after_soi(plain, segment(0xE1, b"Exif\0\0" + exif(orientation, order)))
            yield Input(f"turned-{orientation}{'le' if order == '<' else 'be'}.jpg", file, (OK,))
    first, second = (segment(0xE1, b"Exif\0\0" + exif(orientation)) for orientation in (6, 3))
    yield Input("turned-twice.jpg", after_soi(plain, first + second), (OK,), np.rot90(right, -1))
    for name, data in [("0", exif(0)), ("9", exif(9)), ("broken", b"MM\0*\xff\xff\xff\xff"), ("empty", b"")]:
        file = after_soi(plain, segment(0xE1, b"Exif\0\0" + data))
        yield Input(f"turned-{name}.jpg", file, (OK,), right)

    yield from with_profiles(image)


def with_profiles(image):
    """JPEG, PNG and WebP files with colour profiles."""
    display_p3, adobe = profiles.rgb(profiles.DISPLAY_P3), profiles.rgb(profiles.ADOBE_RGB, [2.19921875])
    srgb = profiles.rgb(((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)))
    grey = image.convert("L")
    for kind, ending, options in [
        ("JPEG", "jpg", {"quality": 95}),
        ("PNG", "png", {}),
        ("WEBP", "webp", {"lossless": True}),
    ]:
        for name, profile in [("p3", display_p3), ("adobe", adobe), ("srgb", srgb)]:
            yield Input(f"icc-{name}.{ending}", encoded(image, kind, icc_profile=profile, **options), (OK,))
        bare = pillow_pixels(encoded(image, kind, **options))
        for name, profile in [
            ("cut", display_p3[:200]),
            ("noise", b"no profile" * 50),
            ("of-inks", profiles.cmyk()),
            ("of-grey", profiles.grey(1.0)),
            ("largest", display_p3 + bytes(5 << 20)),
        ]:
            file = encoded(image, kind, icc_profile=profile, **options)
            yield Input(f"icc-{name}.{ending}", file, (OK,), bare)
        if kind != "WEBP":
            yield Input(
                f"icc-grey.{ending}", encoded(grey, kind, icc_profile=profiles.grey(1.8), **options), (OK,)
            )
    file = encoded(image.convert("CMYK"), quality=95, icc_profile=profiles.cmyk())
    yield Input("icc-cmyk.jpg", file, (OK,))


def chunk(name, content, right=True):
    """A chunk of a PNG."""
    return (
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content) ^ (not right))
    )


def header(size, depth=8, kind=2, interlaced=0):
    """The first chunk of a PNG."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", *size, depth, kind, 0, 0, interlaced))


def before_data(png, added):
    """The PNG with something before its data."""
    at = png.index(b"IDAT") - 4
    return png[:at] + added + png[at:]


PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def png(values, depth, kind, interlaced=False, extra=b""):
    """A PNG of any kind from its values, height x width x channels."""

    def packed(rows):
        if depth == 16:
            return [row.astype(">u2").tobytes() for row in rows]
        if depth == 8:
            return [row.astype(np.uint8).tobytes() for row in rows]
        bits = (rows.reshape(len(rows), -1, 1) >> np.arange(depth - 1, -1, -1)) & 1
        return [np.packbits(row.ravel().astype(np.uint8)).tobytes() for row in bits]

    parts = [values[y::down, x::right] for x, y, right, down in PASSES] if interlaced else [values]
    rows = b"".join(b"\0" + row for part in parts if part.size for row in packed(part))
    size = values.shape[1], values.shape[0]
    data = chunk(b"IDAT", zlib.compress(rows))
    return SIGNATURE + header(size, depth, kind, int(interlaced)) + extra + data + chunk(b"IEND", b"")


def bomb(mebibytes):
    """Zeros, packed: blocks that do not refer to each other can be repeated."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    adler = ((mebibytes << 20) % 65521) << 16 | 1
    return b"\x78\xda" + block * mebibytes + packer.flush() + struct.pack(">I", adler)


def pngs():
    """PNG files."""
    image = photo("skimage_astronaut.png", (61, 47))
    pixels = np.asarray(image).astype(np.uint32)
    plain = png(pixels, 8, 2)
    grey = np.asarray(image.convert("L")).astype(np.uint32)[..., None]
    alpha = np.broadcast_to(np.arange(61)[None, :, None] * 4, grey.shape).astype(np.uint32)
    palette = np.asarray(image.quantize(256).getpalette(), np.uint8).tobytes()
    indices = np.asarray(image.quantize(256)).astype(np.uint32)[..., None]
    for interlaced in (False, True):
        way = "interlaced" if interlaced else "plain"
        for depth in (1, 2, 4, 8, 16):
            most = 2**depth - 1
            values = grey * most // 255
            right = np.repeat((values * 255 // most).astype(np.uint8), 3, axis=2)
            yield Input(f"grey-{depth}-{way}.png", png(values, depth, 0, interlaced), (OK,), right)
            see_through = chunk(b"tRNS", struct.pack(">H", int(values[20, 30, 0])))
            right = np.where(values == values[20, 30, 0], 255, right).astype(np.uint8)
            yield Input(
                f"grey-{depth}-trns-{way}.png", png(values, depth, 0, interlaced, see_through), (OK,), right
            )
            if depth <= 8:
                few = indices % (most + 1)
                colours = np.frombuffer(palette, np.uint8).reshape(-1, 3)[: most + 1]
                tables = chunk(b"PLTE", colours.tobytes())
                yield Input(
                    f"palette-{depth}-{way}.png",
                    png(few, depth, 3, interlaced, tables),
                    (OK,),
                    colours[few[..., 0]],
                )
                tables += chunk(b"tRNS", b"\0")
                over = np.where(few == 0, 255, colours[few[..., 0]])
                yield Input(
                    f"palette-{depth}-trns-{way}.png",
                    png(few, depth, 3, interlaced, tables),
                    (OK,),
                    over.astype(np.uint8),
                )
            if depth < 8:
                continue
            up = 257 if depth == 16 else 1
            for name, kind, values in [
                ("rgb", 2, pixels),
                ("grey-alpha", 4, np.concatenate([grey, alpha], axis=2)),
                ("rgba", 6, np.concatenate([pixels, alpha], axis=2)),
            ]:
                over = values[..., :-1] if kind > 2 else values
                if kind > 2:
                    over = np.rint((over * alpha + 255 * (255 - alpha)) / 255)
                right = np.broadcast_to(over, (*over.shape[:2], 3)).astype(np.uint8)
                yield Input(
                    f"{name}-{depth}-{way}.png", png(values * up, depth, kind, interlaced), (OK,), right
                )

    right = pixels.astype(np.uint8)
    data = plain.index(b"IDAT")
    end = plain.index(b"IEND") - 4
    content = plain[data + 4 : end - 4]
    yield Input("no-end.png", plain[:end], (OK,), right)
    yield Input("no-end-no-sum.png", plain[: end - 4], (OK,), right)
    yield Input("end-cut.png", plain[:-3], (OK,), right)
    yield Input(
        "data-sum-wrong.png",
        plain[: data - 4] + chunk(b"IDAT", content, right=False) + plain[end:],
        (OK,),
        right,
    )
    parts = b"".join(
        chunk(b"IDAT", content[at : at + 100], right=False) for at in range(0, len(content), 100)
    )
    yield Input(
        "data-in-parts-sums-wrong.png",
        plain[: data - 4] + parts + plain[end:],
        (OK,),
        right,
        in_browser=False,
    )
    damaged = bytearray(plain)
    damaged[data + 1000] ^= 0x55
    yield Input("data-damaged.png", bytes(damaged), (CORRUPT,), in_browser=False)
    wrong = chunk(b"IDAT", content[:-4] + b"oops")
    yield Input(
        "adler-wrong.png", plain[: data - 4] + wrong + plain[end:], (OK, CORRUPT), right, in_browser=False
    )
    for name in (b"tEXt", b"pHYs", b"gAMA", b"iCCP", b"abCd", b"acTL"):
        file = before_data(plain, chunk(name, b"of no use", right=False))
        yield Input(f"{name.decode()}-sum-wrong.png", file, (OK,), right)
        yield Input(f"{name.decode()}-odd.png", before_data(plain, chunk(name, b"of no use")), (OK,), right)
    yield Input(
        "header-sum-wrong.png",
        SIGNATURE + header((61, 47))[:-4] + b"oops" + plain[data - 4 :],
        (CORRUPT,),
        in_browser=False,
    )
    yield Input("no-data.png", SIGNATURE + header((61, 47)) + chunk(b"IEND", b""), (CORRUPT, TRUNCATED))
    yield Input("no-palette.png", png(indices, 8, 3), (CORRUPT,))
    for part in (0.1, 0.5, 0.9):
        at = data + int(part * (end - data))
        yield Input(f"cut-{int(100 * part)}.png", plain[:at], (TRUNCATED,))
        yield Input(f"zeros-{int(100 * part)}.png", plain[:at] + bytes(len(plain) - at), (TRUNCATED, CORRUPT))
        closed = chunk(b"IDAT", plain[data + 4 : at]) + chunk(b"IEND", b"")
        yield Input(f"closed-{int(100 * part)}.png", plain[: data - 4] + closed, (TRUNCATED, CORRUPT))
    for at in (8, 12, 20, 32):
        yield Input(f"cut-header-{at}.png", plain[:at], (TRUNCATED,))
    yield Input(
        "cgbi.png",
        SIGNATURE + chunk(b"CgBI", b"\x50\0\x20\x02") + plain[8:],
        (UNSUPPORTED,),
        in_browser=False,
    )
    yield Input("huge.png", SIGNATURE + header((20_000, 20_000)) + plain[data - 4 :], (TOO_LARGE,))
    yield Input("long.png", SIGNATURE + header((100_000, 1)) + plain[data - 4 :], (TOO_LARGE,))
    yield Input("no-width.png", SIGNATURE + header((0, 47)) + plain[data - 4 :], (CORRUPT,))
    yield Input(
        "50-megapixels.png", SIGNATURE + header((8192, 6144)) + plain[data - 4 :], (CORRUPT, TRUNCATED)
    )
    yield Input("51-megapixels.png", SIGNATURE + header((8200, 6144)) + plain[data - 4 :], (TOO_LARGE,))

    # Files of 1 MB with a profile or a text of 1 GB: more than the test has memory for.
    packed = bomb(1024)
    for name, start in [(b"iCCP", b"bomb\0\0"), (b"zTXt", b"bomb\0\0"), (b"iTXt", b"bomb\0\x01\0\0\0")]:
        file = before_data(plain, chunk(name, start + packed))
        yield Input(f"{name.decode()}-bomb.png", file, (OK,), right, in_browser=False)

    for orientation in range(1, 9):
        file = before_data(plain, chunk(b"eXIf", exif(orientation)))
        yield Input(f"turned-{orientation}.png", file, (OK,), in_browser=False)

    # Colours without a profile: by number, by gamma and primaries, and those that mean sRGB.
    gamma = chunk(b"gAMA", struct.pack(">I", 100_000))
    primaries = chunk(b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000))
    srgb_gamma = chunk(b"gAMA", struct.pack(">I", 45_455))
    linear = np.where(right < 1, 0, 255 * (1.055 * (right / 255.0) ** (1 / 2.4) - 0.055))
    linear = np.where(right / 255.0 <= 0.0031308, 12.92 * right, linear)
    yield Input("gamma.png", before_data(plain, gamma + primaries), (OK,), np.rint(linear).astype(np.uint8))
    yield Input("gamma-alone.png", before_data(plain, gamma), (OK,), np.rint(linear).astype(np.uint8))
    yield Input("gamma-of-srgb.png", before_data(plain, srgb_gamma + primaries), (OK,), right)
    yield Input(
        "gamma-beside-srgb.png", before_data(plain, gamma + primaries + chunk(b"sRGB", b"\0")), (OK,), right
    )
    yield Input("cicp-srgb.png", before_data(plain, chunk(b"cICP", b"\x01\x0d\0\x01")), (OK,), right)
    p3 = np.asarray(to_srgb(image, profiles.rgb(profiles.DISPLAY_P3)))
    yield Input("cicp-p3.png", before_data(plain, chunk(b"cICP", b"\x0c\x0d\0\x01")), (OK,), p3)


def riff(*chunks):
    """A WebP of these chunks."""
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def part(name, content):
    """A chunk of a WebP."""
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def webps():
    """WebP files."""
    image = photo()
    lossy, lossless = encoded(image, "WEBP", quality=85), encoded(image, "WEBP", lossless=True)
    see_through = image.copy()
    see_through.putalpha(Image.linear_gradient("L").resize(image.size))
    yield Input("lossy.webp", lossy, (OK,))
    yield Input("lossless.webp", lossless, (OK,))
    yield Input("lossy-alpha.webp", encoded(see_through, "WEBP", quality=85), (OK,), tolerance=4)
    yield Input("lossless-alpha.webp", encoded(see_through, "WEBP", lossless=True, exact=True), (OK,))
    animated = encoded(
        image, "WEBP", save_all=True, append_images=[Image.new("RGB", SIZE, "red")], duration=500
    )
    yield Input("animated.webp", animated, (OK,), in_browser=False)
    for orientation in (1, 3, 6, 8):
        file = encoded(image, "WEBP", quality=85, exif=exif(orientation))
        yield Input(f"turned-{orientation}.webp", file, (OK,), in_browser=False)
    right, exactly = pillow_pixels(lossy), pillow_pixels(lossless)
    picture = lossy[12:]
    flags = part(
        b"VP8X", bytes([8, 0, 0, 0]) + struct.pack("<I", SIZE[0] - 1)[:3] + struct.pack("<I", SIZE[1] - 1)[:3]
    )
    yield Input("exif-missing.webp", riff(flags, picture), (OK,), right)
    unknown = part(b"abcd", b"of no use")
    yield Input("unknown-chunk.webp", riff(flags, unknown, picture, unknown), (OK,), right)
    scaled = bytearray(lossy)
    scaled[12 + 8 + 7] |= 0x40
    scaled[12 + 8 + 9] |= 0xC0
    yield Input("scale-bits.webp", bytes(scaled), (OK,), right, in_browser=False)
    for name, size in [("larger", len(lossy) + 1000), ("zero", 0)]:
        file = lossy[:4] + struct.pack("<I", size) + lossy[8:]
        yield Input(f"riff-{name}.webp", file, (OK, TRUNCATED, CORRUPT), right, in_browser=False)
    yield Input("after-end.webp", lossy + bytes(100), (OK,), right)
    wide = bytearray(picture)
    wide[8 + 6 : 8 + 8] = struct.pack("<H", 0x3FFF)
    yield Input("picture-larger.webp", riff(flags, bytes(wide)), (CORRUPT,))
    yield Input("huge.webp", riff(part(b"VP8X", bytes(4) + b"\xff\x3f\0" * 2), picture), (TOO_LARGE,))
    for kind, file, pixels in [("lossy", lossy, right), ("lossless", lossless, exactly)]:
        for share in (0.1, 0.5, 0.95):
            at = int(share * len(file))
            name = f"{kind}-{int(100 * share)}"
            yield Input(f"cut-{name}.webp", file[:at], (TRUNCATED,))
            closed = riff(part(file[12:16], file[20:at]))
            yield Input(f"closed-{name}.webp", closed, (TRUNCATED, CORRUPT))
            if share < 0.9:
                yield Input(f"zeros-{name}.webp", file[:at] + bytes(len(file) - at), (TRUNCATED, CORRUPT))
        yield Input(
            f"{kind}-length-odd.webp",
            riff(part(file[12:16], file[20:] + bytes(len(file) % 2))),
            (OK,),
            pixels,
        )
    for at in (12, 16, 20, 25):
        yield Input(f"cut-header-{at}.webp", lossy[:at], (TRUNCATED,))


def others():
    """What is no JPEG, PNG or WebP."""
    image = photo(size=(32, 24))
    yield Input("empty.jpg", b"", (EMPTY,))
    yield Input("text.jpg", b"This is not a picture.", (UNSUPPORTED,))
    yield Input("zeros.jpg", bytes(1000), (UNSUPPORTED,))
    yield Input("one-byte.jpg", b"\xff", (UNSUPPORTED,))
    yield Input("web-page.jpg", b"<!DOCTYPE html><title>404</title>", (UNSUPPORTED,))
    yield Input("pdf.jpg", b"%PDF-1.7\n%\xe2\xe3", (UNSUPPORTED,))
    yield Input("heic.jpg", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200), (UNSUPPORTED,))
    for kind in ("GIF", "BMP", "TIFF", "AVIF", "ICO", "JPEG2000"):
        yield Input(f"{kind.lower()}.jpg", encoded(image, kind), (UNSUPPORTED,), in_browser=False)
    yield Input("riff.webp", b"RIFF\x24\0\0\0WAVEfmt " + bytes(40), (UNSUPPORTED,))
    yield Input("jpeg-named.png", encoded(image, quality=90), (OK,))
    yield Input("png-named.jpg", encoded(image, "PNG"), (OK,))


def all_inputs():
    """Every input, each name once."""
    if not shutil.which("djpeg"):
        raise SystemExit("djpeg and cjpeg are needed: Debian's package libjpeg-turbo-progs")
    inputs = [*jpegs(), *pngs(), *webps(), *others()]
    names = [entry.name for entry in inputs]
    twice = {name for name in names if names.count(name) > 1}
    assert not twice, twice
    return inputs
