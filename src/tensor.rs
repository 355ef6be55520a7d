//! [`Photo`] -> input tensor by the model card's rule, and the way back.

use ndarray::{Array4, s};

use crate::error::{Result, filled};
use crate::model::{Channels, Input, PadWhen, Pass, SizeRule};
use crate::photo::Photo;

/// The network's input and where the photo lies in it.
pub struct InputTensor {
    values: Array4<f32>,
    placement: Placement,
}

/// Where a photo lies in the input tensor: its top left corner at the tensor's,
/// resized to `content`, the rest padding. All in pixels, (width, height).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The photo itself.
    pub photo: (u32, u32),
    /// The resized photo within the tensor.
    pub content: (u32, u32),
    /// The whole tensor.
    pub padded: (u32, u32),
    /// Whether the photo lies there mirrored left to right.
    pub mirrored: bool,
}

impl Placement {
    /// The size rule of a pass applied to a photo of `width` x `height` pixels.
    pub fn new(pass: Pass, width: u32, height: u32) -> Placement {
        let (photo, mirrored) = ((width, height), pass.mirror);
        match pass.size {
            SizeRule::Fixed { width, height } => {
                Placement { photo, content: (width, height), padded: (width, height), mirrored }
            }
            SizeRule::ShortSide { short, max, multiple } => {
                let (min_side, max_side) = (width.min(height) as f64, width.max(height) as f64);
                let scale = (short as f64 / min_side).min(max as f64 / max_side);
                let side = |s: u32| ((s as f64 * scale + 0.5) as u32).max(1);
                let content = (side(width), side(height));
                let padded = (content.0.next_multiple_of(multiple), content.1.next_multiple_of(multiple));
                Placement { photo, content, padded, mirrored }
            }
        }
    }
}

impl InputTensor {
    /// Resizes, mirrors, normalises and pads a photo as the card and the pass say.
    pub fn from_photo(photo: &Photo, input: &Input, pass: Pass) -> Result<InputTensor> {
        let placement = Placement::new(pass, photo.width(), photo.height());
        let (width, height) = placement.content;
        let (padded_width, padded_height) = placement.padded;
        let pixels = photo.resized(width, height)?;

        let plane = padded_width as usize * padded_height as usize;
        let values = filled(0.0f32, 3 * plane, "the input tensor")?;
        let mut values =
            Array4::from_shape_vec((1, 3, padded_height as usize, padded_width as usize), values)
                .expect("a tensor of three planes");
        for channel in 0..3 {
            let (mean, std) = (input.mean[channel], input.std[channel]);
            let source = match input.channels {
                Channels::Rgb => channel,
                Channels::Bgr => 2 - channel,
            };
            let mut target = values.slice_mut(s![0, channel, .., ..]);
            target.fill(match input.pad.when {
                PadWhen::BeforeNormalise => (input.pad.value - mean) / std,
                PadWhen::AfterNormalise => input.pad.value,
            });
            let rows = pixels.chunks_exact(4 * width as usize);
            for (mut target, row) in target.rows_mut().into_iter().zip(rows) {
                let row = row.iter().skip(source).step_by(4).map(|&pixel| (pixel as f32 - mean) / std);
                if pass.mirror {
                    target.iter_mut().zip(row.rev()).for_each(|(value, pixel)| *value = pixel);
                } else {
                    target.iter_mut().zip(row).for_each(|(value, pixel)| *value = pixel);
                }
            }
        }
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
    use crate::model::{Pad, Resample};

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
            let placement = Placement { photo, content, padded, mirrored: false };
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
