//! Bytes of a JPEG file -> what they say of the picture: frame, scans, metadata.
//!
//! Segments are found as libjpeg finds them, which every browser uses: fill bytes before
//! a marker and stray bytes between segments are passed over.

use std::ops::Range;

use super::decoded::{broken, truncated, unsupported};
use crate::error::Result;

const STUFFED: u8 = 0x00;
const TEM: u8 = 0x01;
const RST: std::ops::RangeInclusive<u8> = 0xd0..=0xd7;
const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;
const DQT: u8 = 0xdb;
const DHT: u8 = 0xc4;
const DRI: u8 = 0xdd;
const APP1: u8 = 0xe1;
const APP2: u8 = 0xe2;
const APP14: u8 = 0xee;

/// Stuffed bytes of ones, which no Huffman code is made of, as many as a decoder reads ahead.
const NO_CODE: [u8; 16] = [
    0xff, STUFFED, 0xff, STUFFED, 0xff, STUFFED, 0xff, STUFFED, 0xff, STUFFED, 0xff, STUFFED, 0xff, STUFFED,
    0xff, STUFFED,
];

const EXIF: &[u8] = b"Exif\0\0";
const ICC: &[u8] = b"ICC_PROFILE\0";

/// A JPEG's picture, and where in the file it is coded.
pub(super) struct Structure<'a> {
    pub frame: Frame,
    pub scans: Vec<Scan>,
    /// The picture as a JPEG of its own, without metadata, fill bytes and stray bytes. Behind
    /// the data of each scan stands what is no code: who takes it for data ran out of them.
    pub coded: Vec<u8>,
    /// Whether the file has an end-of-image marker.
    pub is_ended: bool,
    /// The first EXIF segment without its name.
    pub exif: Option<&'a [u8]>,
    /// Number, count and content of the segments with a colour profile.
    icc: Vec<(u8, u8, &'a [u8])>,
}

/// What the start-of-frame segment says.
pub(super) struct Frame {
    pub width: u16,
    pub height: u16,
    pub is_progressive: bool,
    pub components: Vec<Component>,
    pub colours: Colours,
}

pub(super) struct Component {
    id: u8,
    horizontal: u8,
    vertical: u8,
}

/// What the components are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Colours {
    Grey,
    YCbCr,
    Rgb,
    Cmyk,
    Ycck,
}

/// One pass over the picture.
pub(super) struct Scan {
    /// Which components of the frame, in the order in which they are coded.
    components: Vec<usize>,
    /// Which coefficients, and how many of their bits later scans have.
    spectrum: Range<u8>,
    bits_left: u8,
    /// The entropy-coded data in the coded bytes.
    pub data: Range<usize>,
    /// How many MCUs follow each other between restart markers, 0 for all of them.
    interval: usize,
    /// How many restart markers are in the data.
    restarts: usize,
}

impl<'a> Structure<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Structure<'a>> {
        let mut coded = Vec::new();
        coded.try_reserve_exact(bytes.len() + 4096).map_err(|_| super::decoded::no_memory("JPEG"))?;
        coded.extend([0xff, SOI]);
        let mut found = Structure {
            frame: Frame {
                width: 0,
                height: 0,
                is_progressive: false,
                components: vec![],
                colours: Colours::Grey,
            },
            scans: vec![],
            coded,
            is_ended: false,
            exif: None,
            icc: vec![],
        };
        let mut adobe = None;
        let mut is_jfif = false;
        let mut has_tables = false;
        let mut interval = 0;
        let mut at = 2;
        while let Some((marker, start)) = next_marker(bytes, at) {
            at = start;
            match marker {
                EOI => {
                    found.is_ended = true;
                    break;
                }
                // The end marker of the picture is missing, and another follows.
                SOI if !found.scans.is_empty() => break,
                SOI => return Err(broken("JPEG", "a second picture begins within the first")),
                marker if marker == TEM || RST.contains(&marker) => continue,
                _ => {}
            }
            let length =
                bytes.get(at..at + 2).map(|length| u16::from_be_bytes([length[0], length[1]]) as usize);
            let Some(length) = length else { break };
            if length < 2 && found.scans.is_empty() {
                return Err(broken("JPEG", "a segment has no length"));
            }
            // A cut within metadata after the last scan costs no pixel.
            let Some(content) = bytes.get(at + 2..at + length) else { break };
            let segment = at..at + length;
            at += length;
            match marker {
                0xc0..=0xc2 => found.read_frame(marker, content, &bytes[segment])?,
                0xc3 | 0xc5..=0xcf => return Err(other_coding(marker)),
                DQT => found.keep(marker, &bytes[segment]),
                DRI => {
                    interval =
                        content.first_chunk().map_or(0, |&interval| u16::from_be_bytes(interval)) as usize;
                    found.keep(marker, &bytes[segment]);
                }
                DHT => {
                    has_tables = true;
                    found.keep(marker, &bytes[segment]);
                }
                SOS => {
                    if !has_tables {
                        return Err(unsupported("JPEG", "it has no Huffman tables"));
                    }
                    if found.scans.is_empty() {
                        found.frame.colours = found.frame.colours(is_jfif, adobe);
                        found.keep(APP14, &found.frame.colours.as_adobe());
                    }
                    found.keep(marker, &bytes[segment]);
                    let (end, restarts) = end_of_data(bytes, at);
                    let data = found.coded.len()..found.coded.len() + end - at;
                    found.coded.extend(&bytes[at..end]);
                    found.coded.extend(NO_CODE);
                    at = end;
                    let (components, spectrum, bits_left) = found.frame.scan(content)?;
                    found.scans.push(Scan { components, spectrum, bits_left, data, interval, restarts });
                    if found.scans.len() > crate::limits::MAX_SCANS {
                        return Err(broken("JPEG", "it has more scans than any picture needs"));
                    }
                }
                0xe0 => is_jfif |= content.starts_with(b"JFIF\0"),
                APP1 if found.exif.is_none() => found.exif = content.strip_prefix(EXIF),
                APP2 if found.icc.len() < 255 => {
                    if let Some([number, count, part @ ..]) = content.strip_prefix(ICC) {
                        found.icc.push((*number, *count, part));
                    }
                }
                APP14 if content.len() >= 12 && content.starts_with(b"Adobe") => adobe = Some(content[11]),
                _ => {}
            }
        }
        found.coded.extend([0xff, EOI]);
        match found.scans.is_empty() {
            true if found.is_ended => Err(broken("JPEG", "it has no picture")),
            true => Err(truncated("JPEG")),
            false => Ok(found),
        }
    }

    /// The colour profile, if all of its parts are there.
    pub(super) fn profile(&self) -> Option<Vec<u8>> {
        let count = self.icc.first()?.1;
        let mut parts = self.icc.clone();
        parts.sort_by_key(|part| part.0);
        let is_whole =
            (1..=count).eq(parts.iter().map(|part| part.0)) && parts.iter().all(|part| part.1 == count);
        let size: usize = parts.iter().map(|part| part.2.len()).sum();
        (is_whole && size <= crate::limits::MAX_PROFILE_BYTES)
            .then(|| parts.iter().flat_map(|part| part.2).copied().collect())
    }

    /// Whether the decoder gets scans like these right. In pictures that are not progressive it does
    /// not if some components share a scan and others do not, or if several scans have restarts.
    pub(super) fn are_scans_known(&self) -> bool {
        self.frame.is_progressive
            || self.scans.iter().all(|scan| scan.components.len() == self.frame.components.len())
            || self.scans.iter().all(|scan| scan.components.len() == 1 && scan.interval == 0)
    }

    /// Whether the scans that are there make a whole picture.
    pub(super) fn is_whole(&self) -> bool {
        let frame = &self.frame;
        self.scans.iter().all(|scan| scan.restarts >= scan.restarts_needed(frame))
            && (0..frame.components.len()).all(|component| {
                let mut bits_left = [None; 64];
                for scan in self.scans.iter().filter(|scan| scan.components.contains(&component)) {
                    bits_left[scan.spectrum.start as usize..scan.spectrum.end as usize]
                        .fill(Some(scan.bits_left));
                }
                let whole = |coefficients: &[Option<u8>]| coefficients.iter().all(|bits| *bits == Some(0));
                // Encoders may leave out fine colours, but nothing of them that was begun.
                let is_coarse = component > 0 && self.is_ended && bits_left[1..].iter().all(Option::is_none);
                whole(&bits_left[..1]) && (is_coarse || whole(&bits_left[1..]))
            })
    }

    fn read_frame(&mut self, marker: u8, content: &[u8], segment: &[u8]) -> Result<()> {
        if !self.frame.components.is_empty() {
            return Err(broken("JPEG", "it has two frames"));
        }
        let &[precision, ref size @ ..] = content else {
            return Err(broken("JPEG", "its frame is incomplete"));
        };
        let &[h1, h0, w1, w0, count, ref components @ ..] = size else {
            return Err(broken("JPEG", "its frame is incomplete"));
        };
        if precision != 8 {
            return Err(unsupported("JPEG", &format!("it has {precision} bits a sample")));
        }
        let (width, height) = (u16::from_be_bytes([w1, w0]), u16::from_be_bytes([h1, h0]));
        if height == 0 && width > 0 {
            return Err(unsupported("JPEG", "its height is not in its header"));
        }
        if components.len() != 3 * count as usize || count == 0 {
            return Err(broken("JPEG", "its frame is incomplete"));
        }
        if !matches!(count, 1 | 3 | 4) {
            return Err(unsupported("JPEG", &format!("it has {count} components")));
        }
        self.keep(marker, segment);
        let components_at = self.coded.len() - components.len();
        if count == 1 {
            // The only component fills the picture, whatever factors it has.
            self.coded[components_at + 1] = 0x11;
        }
        let components: Vec<_> = self.coded[components_at..]
            .chunks_exact(3)
            .map(|component| Component {
                id: component[0],
                horizontal: component[1] >> 4,
                vertical: component[1] & 15,
            })
            .collect();
        if components.iter().any(|c| !(1..=4).contains(&c.horizontal) || !(1..=4).contains(&c.vertical)) {
            return Err(broken("JPEG", "its sampling is impossible"));
        }
        self.frame =
            Frame { width, height, is_progressive: marker == 0xc2, components, colours: Colours::Grey };
        Ok(())
    }

    fn keep(&mut self, marker: u8, segment: &[u8]) {
        self.coded.extend([0xff, marker]);
        self.coded.extend(segment);
    }
}

impl Frame {
    /// What the components are, by libjpeg's rules.
    fn colours(&self, is_jfif: bool, adobe: Option<u8>) -> Colours {
        let ids: Vec<u8> = self.components.iter().map(|component| component.id).collect();
        match (ids.len(), adobe) {
            (1, _) => Colours::Grey,
            (3, Some(0)) if !is_jfif => Colours::Rgb,
            (3, None) if !is_jfif && ids == *b"RGB" => Colours::Rgb,
            (3, _) => Colours::YCbCr,
            (_, None | Some(0)) => Colours::Cmyk,
            _ => Colours::Ycck,
        }
    }

    /// The components, coefficients and bits left of a scan.
    fn scan(&self, header: &[u8]) -> Result<(Vec<usize>, Range<u8>, u8)> {
        let bad = || broken("JPEG", "the header of a scan contradicts the frame");
        let (&count, header) = header.split_first().ok_or_else(bad)?;
        let (components, parameters) = header.split_at_checked(2 * count as usize).ok_or_else(bad)?;
        let &[first, last, bits] = parameters else { return Err(bad()) };
        let components = components
            .chunks_exact(2)
            .map(|component| self.components.iter().position(|other| other.id == component[0]))
            .collect::<Option<Vec<_>>>()
            .filter(|components| !components.is_empty())
            .ok_or_else(bad)?;
        // Only progressive scans mean what they say here.
        let (spectrum, bits) =
            if self.is_progressive { (first..last.saturating_add(1), bits) } else { (0..64, 0) };
        if spectrum.is_empty() || spectrum.end > 64 {
            return Err(bad());
        }
        Ok((components, spectrum, bits & 15))
    }

    /// Whether these sampling factors are known to be decoded. Others are decoded or fail,
    /// but never give wrong pixels: measured against djpeg, as `tests/bad` does for some.
    pub(super) fn is_sampling_known(&self) -> bool {
        let factors: Vec<_> = self.components.iter().map(|c| (c.horizontal, c.vertical)).collect();
        let small = factors.iter().all(|&(horizontal, vertical)| horizontal <= 2 && vertical <= 2);
        small || factors[0].0 != 3 && factors[1..].iter().all(|factors| *factors == (1, 1))
    }
}

impl Scan {
    fn restarts_needed(&self, frame: &Frame) -> usize {
        let most =
            |factor: fn(&Component) -> u8| frame.components.iter().map(factor).max().unwrap_or(1) as usize;
        let (mut width, mut height) = (8 * most(|c| c.horizontal), 8 * most(|c| c.vertical));
        if let &[only] = &self.components[..] {
            // The MCU of a scan with one component is a single block.
            (width, height) = (
                width / frame.components[only].horizontal as usize,
                height / frame.components[only].vertical as usize,
            );
        }
        let mcus = (frame.width as usize).div_ceil(width) * (frame.height as usize).div_ceil(height);
        if self.interval == 0 { 0 } else { mcus.div_ceil(self.interval).saturating_sub(1) }
    }
}

impl Colours {
    /// As an Adobe segment, which leaves nothing to guess.
    fn as_adobe(self) -> [u8; 14] {
        let transform = match self {
            Colours::Grey | Colours::Rgb | Colours::Cmyk => 0,
            Colours::YCbCr => 1,
            Colours::Ycck => 2,
        };
        [0, 14, b'A', b'd', b'o', b'b', b'e', 0, 100, 0, 0, 0, 0, transform]
    }
}

/// The next marker from `at` on, and what follows it.
fn next_marker(bytes: &[u8], mut at: usize) -> Option<(u8, usize)> {
    loop {
        at += bytes.get(at..)?.iter().position(|&byte| byte == 0xff)?;
        at += bytes[at..].iter().position(|&byte| byte != 0xff)?;
        if bytes[at] != STUFFED {
            return Some((bytes[at], at + 1));
        }
    }
}

/// The end of entropy-coded data, a marker that neither restarts nor is stuffed or the end of
/// the file, and the number of markers that restart.
fn end_of_data(bytes: &[u8], mut at: usize) -> (usize, usize) {
    let mut restarts = 0;
    loop {
        let Some(skipped) = bytes[at..].iter().position(|&byte| byte == 0xff) else {
            return (bytes.len(), restarts);
        };
        let marker_at = at + skipped;
        let Some(after) = bytes[marker_at..].iter().position(|&byte| byte != 0xff) else {
            return (marker_at, restarts);
        };
        at = marker_at + after;
        match bytes[at] {
            STUFFED => {}
            marker if RST.contains(&marker) => restarts += 1,
            _ => return (marker_at, restarts),
        }
    }
}

fn other_coding(marker: u8) -> crate::error::Error {
    let what = match marker {
        0xc9 | 0xca | 0xcc => "its arithmetic coding",
        0xc3 | 0xcb => "its lossless coding",
        _ => "its hierarchical coding",
    };
    unsupported("JPEG", what)
}
