//! [`Photo`] -> input tensor by the model card's rule, and the way back.

use ndarray::Array4;

use crate::card::{Channels, Input, PadWhen, Pass, SizeRule};
use crate::error::{Result, reserved};
use crate::photo::Photo;

/// The network's input and where the photo lies in it.
pub struct InputTensor {
    values: Array4<f32>,
    placement: Placement,
}

/// Where a photo lies in the input tensor: resized to `content`, its top left
/// corner at `origin`, the rest padding. All in pixels, (width, height) or (x, y).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The photo itself.
    pub photo: (u32, u32),
    /// The resized photo within the tensor.
    pub content: (u32, u32),
    /// Its top left corner.
    pub origin: (u32, u32),
    /// The whole tensor.
    pub padded: (u32, u32),
    /// Whether the photo lies there mirrored left to right.
    pub mirrored: bool,
}

impl Placement {
    /// The size rule of a pass applied to a photo of `width` x `height` pixels.
    pub fn new(pass: Pass, width: u32, height: u32) -> Placement {
        let (photo, mirrored, origin) = ((width, height), pass.mirror, (0, 0));
        match pass.size {
            SizeRule::Fixed { width, height } => {
                Placement { photo, content: (width, height), origin, padded: (width, height), mirrored }
            }
            SizeRule::ShortSide { short, max, multiple } => {
                // In the order of detectron2's ResizeShortestEdge, which decides how halves are rounded.
                let (short, max, w, h) = (short as f64, max as f64, width as f64, height as f64);
                let scale = short / w.min(h);
                let mut sides = if h < w { (scale * w, short) } else { (short, scale * h) };
                let long = sides.0.max(sides.1);
                if long > max {
                    let scale = max / long;
                    sides = (sides.0 * scale, sides.1 * scale);
                }
                let side = |s: f64| ((s + 0.5) as u32).max(1);
                let content = (side(sides.0), side(sides.1));
                let padded = (content.0.next_multiple_of(multiple), content.1.next_multiple_of(multiple));
                Placement { photo, content, origin, padded, mirrored }
            }
            SizeRule::Centred { width: w, height: h } => {
                let content = shrunk_to_fit((width, height), (w, h));
                let origin = ((w - content.0) / 2, (h - content.1) / 2);
                Placement { photo, content, origin, padded: (w, h), mirrored }
            }
        }
    }
}

/// The size of a photo that is shrunk, never enlarged, to fit: the longer side is
/// made to fit first, the other is rounded down.
fn shrunk_to_fit((width, height): (u32, u32), (w, h): (u32, u32)) -> (u32, u32) {
    if width <= w && height <= h {
        return (width, height);
    }
    let part = |side: u32, of: u32, to: u32| ((side as u64 * to as u64 / of as u64) as u32).max(1);
    let (by_height, by_width) = ((part(width, height, h), h), (w, part(height, width, w)));
    let first = if height >= width { by_height } else { by_width };
    match first {
        (fits_w, fits_h) if fits_w <= w && fits_h <= h => first,
        _ if height >= width => by_width,
        _ => by_height,
    }
}

impl InputTensor {
    /// Resizes, mirrors, normalises and pads a photo as the card and the pass say.
    pub fn from_photo(photo: &Photo, input: &Input, pass: Pass) -> Result<InputTensor> {
        let placement = Placement::new(pass, photo.width(), photo.height());
        let (width, height) = placement.content;
        let (padded_width, padded_height) = placement.padded;
        let pixels = photo.resized(width, height)?;

        let (pixels, _) = pixels.as_chunks::<4>();
        let [width, padded_width, padded_height] =
            [width, padded_width, padded_height].map(|side| side as usize);
        let (left, top) = (placement.origin.0 as usize, placement.origin.1 as usize);
        let mut values: Vec<f32> = reserved(3 * padded_width * padded_height, "the input tensor")?;
        for channel in 0..3 {
            let (mean, std) = (input.mean[channel], input.std[channel]);
            let source = match input.channels {
                Channels::Rgb => channel,
                Channels::Bgr => 2 - channel,
            };
            let normalised: [f32; 256] = std::array::from_fn(|value| (value as f32 - mean) / std);
            let padding = match (pass.size, input.pad.when) {
                (SizeRule::Centred { .. }, _) if placement.origin == (0, 0) => 0.0,
                (_, PadWhen::BeforeNormalise) => (input.pad.value - mean) / std,
                (_, PadWhen::AfterNormalise) => input.pad.value,
            };
            let before = channel * padded_width * padded_height;
            values.resize(before + top * padded_width, padding);
            for row in pixels.chunks_exact(width) {
                let start = values.len();
                values.resize(start + left, padding);
                let row = row.iter().map(|pixel| normalised[pixel[source] as usize]);
                if pass.mirror {
                    values.extend(row.rev());
                } else {
                    values.extend(row);
                }
                values.resize(start + padded_width, padding);
            }
            values.resize(before + padded_width * padded_height, padding);
        }
        let values = Array4::from_shape_vec((1, 3, padded_height, padded_width), values)
            .expect("a tensor of three planes");
        Ok(InputTensor { values, placement })
    }

    /// The tensor, `[1, 3, height, width]`.
    pub fn values(&self) -> &Array4<f32> {
        &self.values
    }

    /// Where the photo lies in it.
    pub fn placement(&self) -> Placement {
        self.placement
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::{Pad, Resample};
    use ndarray::s;

    #[test]
    fn a_centred_photo_is_shrunk_to_fit_and_never_enlarged() {
        let cases = [
            // photo, resized, its top left corner: by the rule of the M2FP pipeline for one person
            ((720, 1280), (288, 512), (48, 0)),
            ((1280, 720), (384, 216), (0, 148)),
            ((3024, 4032), (384, 512), (0, 0)),
            ((1200, 1601), (383, 512), (0, 0)),
            ((1240, 1600), (384, 495), (0, 8)),
            ((100, 600), (85, 512), (149, 0)),
            ((400, 500), (384, 480), (0, 16)),
            ((101, 202), (101, 202), (141, 155)),
            ((1, 16384), (1, 512), (191, 0)),
        ];
        for (photo, content, origin) in cases {
            let pass = Pass { size: SizeRule::Centred { width: 384, height: 512 }, mirror: false };
            let placement = Placement { photo, content, origin, padded: (384, 512), mirrored: false };
            assert_eq!(Placement::new(pass, photo.0, photo.1), placement);
        }
    }

    #[test]
    fn a_centred_photo_has_padding_on_all_sides() {
        let photo = Photo::from_rgba(3, 1, [[12, 28, 46, 255]; 3].concat()).unwrap();
        let pad = Pad { value: 110.0, when: PadWhen::BeforeNormalise };
        let pass = |width, height| Pass { size: SizeRule::Centred { width, height }, mirror: false };
        let tensor = InputTensor::from_photo(&photo, &input(Channels::Rgb, pad), pass(6, 3)).unwrap();
        for (row, expected) in tensor.values().slice(s![0, 0, .., ..]).rows().into_iter().zip([
            [50.0; 6],
            [50.0, 1.0, 1.0, 1.0, 50.0, 50.0],
            [50.0; 6],
        ]) {
            assert_eq!(row.to_vec(), expected);
        }
        // Less than a pixel on each side is left to the padding of the network itself.
        let tensor = InputTensor::from_photo(&photo, &input(Channels::Rgb, pad), pass(4, 1)).unwrap();
        assert_eq!(tensor.values().slice(s![0, 0, 0, ..]).to_vec(), [1.0, 1.0, 1.0, 0.0]);
    }

    const SHORT_SIDE: SizeRule = SizeRule::ShortSide { short: 640, max: 1333, multiple: 32 };

    #[test]
    fn short_side_follows_the_published_rule() {
        let cases = [
            // photo, resized, padded: figures of the M2FP pipeline for 720x1280
            ((720, 1280), (640, 1138), (640, 1152)),
            ((1280, 720), (1138, 640), (1152, 640)),
            ((400, 400), (640, 640), (640, 640)),
            ((100, 1000), (133, 1333), (160, 1344)),
            ((1, 16384), (1, 1333), (32, 1344)),
        ];
        for (photo, content, padded) in cases {
            let pass = Pass { size: SHORT_SIDE, mirror: false };
            let placement = Placement { photo, content, origin: (0, 0), padded, mirrored: false };
            assert_eq!(Placement::new(pass, photo.0, photo.1), placement);
        }
    }

    const SMALL: Pass = Pass { size: SizeRule::ShortSide { short: 2, max: 3, multiple: 4 }, mirror: false };

    fn input(channels: Channels, pad: Pad) -> Input {
        Input { resample: Resample::Bilinear, channels, mean: [10.0, 20.0, 30.0], std: [2.0, 4.0, 8.0], pad }
    }

    #[test]
    fn channels_are_normalised_and_the_rest_is_padded() {
        let pixels = [[12, 28, 46, 255]; 6].concat();
        let photo = Photo::from_rgba(3, 2, pixels).unwrap();
        let pad = Pad { value: 0.5, when: PadWhen::AfterNormalise };
        let tensor = InputTensor::from_photo(&photo, &input(Channels::Rgb, pad), SMALL).unwrap();
        assert_eq!(tensor.values().shape(), [1, 3, 4, 4]);
        for (channel, expected) in [1.0, 2.0, 2.0].into_iter().enumerate() {
            for y in 0..4 {
                for x in 0..4 {
                    let value = tensor.values()[[0, channel, y, x]];
                    assert_eq!(value, if x < 3 && y < 2 { expected } else { 0.5 }, "{channel} {y} {x}");
                }
            }
        }
        let pad = Pad { value: 110.0, when: PadWhen::BeforeNormalise };
        let tensor = InputTensor::from_photo(&photo, &input(Channels::Bgr, pad), SMALL).unwrap();
        assert_eq!(tensor.values()[[0, 0, 0, 0]], (46.0 - 10.0) / 2.0);
        assert_eq!(tensor.values()[[0, 0, 3, 3]], (110.0 - 10.0) / 2.0);
    }

    #[test]
    fn a_mirrored_photo_stays_at_the_left_of_its_tensor() {
        let row: Vec<u8> = (0..3).flat_map(|x| [10 + 2 * x, 0, 0, 255]).collect();
        let photo = Photo::from_rgba(3, 2, row.repeat(2)).unwrap();
        let pad = Pad { value: 0.5, when: PadWhen::AfterNormalise };
        let values = |mirror| {
            let pass = Pass { mirror, ..SMALL };
            let tensor = InputTensor::from_photo(&photo, &input(Channels::Rgb, pad), pass).unwrap();
            assert_eq!(tensor.placement().mirrored, mirror);
            tensor.values().slice(s![0, 0, 1, ..]).to_vec()
        };
        assert_eq!(values(false), [0.0, 1.0, 2.0, 0.5]);
        assert_eq!(values(true), [2.0, 1.0, 0.0, 0.5]);
    }
}
