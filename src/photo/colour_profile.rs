//! Colours as a file describes them -> sRGB.

use std::borrow::Cow;

use moxcms::{
    Chromaticity, CicpColorPrimaries, CicpProfile, ColorPrimaries, ColorProfile, DataColorSpace, Layout,
    MatrixCoefficients, ParsingOptions, ToneReprCurve, TransferCharacteristics, Transform8BitExecutor,
    TransformOptions,
};
use rayon::prelude::*;

use crate::limits;

/// Pixels that are transformed at a time.
const PIXELS: usize = 4096;

/// What a file says of its colours.
pub(super) enum Described<'a> {
    /// An ICC profile.
    Icc(Cow<'a, [u8]>),
    /// Primaries and transfer function by their numbers in ITU-T H.273.
    Cicp { primaries: u8, transfer: u8 },
    /// Exponent of the transfer function, and x and y of white, red, green and blue.
    Gamma { exponent: f32, primaries: [f32; 8] },
}

/// Brings pixels to sRGB. A description that is broken, too large or of something else than
/// these pixels counts as none, as it does in browsers.
pub(super) fn to_srgb(rgba: &mut [u8], described: &Described, is_grey: bool) {
    let Some(profile) = described.profile() else { return };
    match profile.color_space {
        DataColorSpace::Rgb => {
            let Some(transform) = transform(&profile, Layout::Rgba) else { return };
            if !is_srgb(&*transform) {
                apply(&*transform, rgba);
            }
        }
        DataColorSpace::Gray if is_grey => {
            let Some(transform) = transform(&profile, Layout::Gray) else { return };
            let grey: [u8; 256] = std::array::from_fn(|value| value as u8);
            let mut table = [0; 4 * 256];
            if transform.transform(&grey, &mut table).is_ok() {
                let table = table.as_chunks::<4>().0;
                rgba.as_chunks_mut()
                    .0
                    .iter_mut()
                    .for_each(|[r, g, b, _]| [*r, *g, *b, _] = table[*r as usize]);
            }
        }
        _ => {}
    }
}

/// Brings CMYK pixels, inverted as Adobe stores them, to sRGB with full opacity.
pub(super) fn cmyk_to_srgb(cmyk: &mut [u8], profile: &[u8]) {
    let transform = Described::Icc(profile.into())
        .profile()
        .filter(|profile| profile.color_space == DataColorSpace::Cmyk)
        .and_then(|profile| transform(&profile, Layout::Rgba));
    match transform {
        Some(transform) => {
            cmyk.iter_mut().for_each(|ink| *ink = 255 - *ink);
            apply(&*transform, cmyk);
            cmyk.as_chunks_mut::<4>().0.iter_mut().for_each(|pixel| pixel[3] = 255);
        }
        None => cmyk.as_chunks_mut::<4>().0.iter_mut().for_each(|pixel| {
            let [c, m, y, k] = *pixel;
            let less = |ink: u8| ((ink as u16 * k as u16 + 127) / 255) as u8;
            *pixel = [less(c), less(m), less(y), 255];
        }),
    }
}

impl Described<'_> {
    fn profile(&self) -> Option<ColorProfile> {
        match self {
            Described::Icc(bytes) => {
                let options = ParsingOptions {
                    max_profile_size: limits::MAX_PROFILE_BYTES + 1,
                    ..ParsingOptions::default()
                };
                ColorProfile::new_from_slice_with_options(bytes, options).ok()
            }
            Described::Cicp { primaries, transfer } => {
                let transfer_characteristics = TransferCharacteristics::try_from(*transfer).ok()?;
                // Brightness beyond white would have to be mapped first.
                let is_bright = matches!(
                    transfer_characteristics,
                    TransferCharacteristics::Smpte2084 | TransferCharacteristics::Hlg
                );
                (!is_bright).then_some(ColorProfile::new_from_cicp(CicpProfile {
                    color_primaries: CicpColorPrimaries::try_from(*primaries).ok()?,
                    transfer_characteristics,
                    matrix_coefficients: MatrixCoefficients::Identity,
                    full_range: true,
                }))
            }
            Described::Gamma { exponent, primaries } => {
                let [white, red, green, blue] =
                    [0, 2, 4, 6].map(|at| Chromaticity { x: primaries[at], y: primaries[at + 1] });
                let mut profile = ColorProfile::new_srgb();
                profile.update_rgb_colorimetry(white.to_xyyb(), ColorPrimaries { red, green, blue });
                let curve = Some(ToneReprCurve::Parametric(vec![*exponent]));
                profile.cicp = None;
                (profile.red_trc, profile.green_trc, profile.blue_trc) =
                    (curve.clone(), curve.clone(), curve);
                Some(profile)
            }
        }
    }
}

fn transform(profile: &ColorProfile, from: Layout) -> Option<std::sync::Arc<Transform8BitExecutor>> {
    profile
        .create_transform_8bit(from, &ColorProfile::new_srgb(), Layout::Rgba, TransformOptions::default())
        .ok()
}

/// Whether a transform changes nothing that 8 bits show: many files describe sRGB.
fn is_srgb(transform: &Transform8BitExecutor) -> bool {
    let steps = (0..=255).step_by(51);
    let colours: Vec<u8> = steps
        .clone()
        .flat_map(|r| steps.clone().map(move |g| (r, g)))
        .flat_map(|(r, g)| steps.clone().flat_map(move |b| [r, g, b, 255]))
        .chain((0..=255).flat_map(|grey| [grey, grey, grey, 255]))
        .collect();
    let mut found = vec![0; colours.len()];
    transform.transform(&colours, &mut found).is_ok()
        && colours.iter().zip(&found).all(|(expected, found)| expected.abs_diff(*found) <= 1)
}

fn apply(transform: &Transform8BitExecutor, pixels: &mut [u8]) {
    pixels.par_chunks_mut(4 * PIXELS).for_each(|pixels| {
        let before = pixels.to_vec();
        // Fails only where the sizes differ.
        let _ = transform.transform(&before, pixels);
    });
}
