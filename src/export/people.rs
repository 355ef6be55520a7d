//! People map as PNG: pixel = person id, 0 = nobody.

use crate::error::Result;
use crate::export::picture;
use crate::export::sample::{Options, Sample};
use crate::palette::Palette;
use crate::parsing::Parsing;

/// The people map in the photo's own size: 8-bit indexed in the colours of
/// Pascal VOC; 16-bit grey if an id is above 255.
pub(super) fn png(sample: &Sample, _: &Options) -> Result<Vec<u8>> {
    people_map(sample.parsing)
}

fn people_map(parsing: &Parsing) -> Result<Vec<u8>> {
    let Parsing { width, height, people, .. } = parsing;
    if people.iter().any(|&person| person > 255) {
        return picture::ids(*width, *height, people);
    }
    let palette = Palette::voc(256).colours().concat();
    picture::indexed(*width, *height, palette, &picture::bytes(people)?, &[])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::LabelSet;

    fn read(people: Vec<u16>) -> (png::ColorType, Vec<u8>) {
        let size = (people.len() as u32, 1);
        let labels = vec![5; people.len()];
        let parsing = Parsing::from_parts(LabelSet::Cihp, size, labels, people, vec![]).unwrap();
        let bytes = people_map(&parsing).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        (info.color_type, pixels)
    }

    #[test]
    fn ids_are_pixels_of_one_byte_if_they_fit() {
        assert_eq!(read(vec![0, 1, 255]), (png::ColorType::Indexed, vec![0, 1, 255]));
        assert_eq!(read(vec![0, 1, 256]), (png::ColorType::Grayscale, vec![0, 0, 0, 1, 1, 0]));
    }
}
