//! Golden label maps: the default model on the sample photos gives the label
//! maps in `tests/golden/`, all but a few pixels on class borders.
//!
//! Kernels differ from processor to processor in the last bits, so a few pixels
//! may. After a deliberate change, look at the new overlays, then remake the files:
//! `BODYMAP_UPDATE_GOLDEN=1 cargo test --release --test golden`

use std::path::Path;

use bodymap::export::{Format, Options, Sample};
use bodymap::{Card, Model, ParseOptions, Photo};

/// Part of the pixels that may differ.
const TOLERANCE: f64 = 0.001;

#[test]
fn sample_photos_give_their_golden_label_maps() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let card = std::fs::read_to_string(root.join("models/default/card.json")).unwrap();
    let onnx = std::fs::read(root.join("models/default/default.onnx")).unwrap();
    let mut model = Model::load(Card::from_json(&card).unwrap(), &onnx).unwrap();
    let update = std::env::var_os("BODYMAP_UPDATE_GOLDEN").is_some();

    let mut photos = 0;
    for entry in std::fs::read_dir(root.join("www/samples")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.contains(".thumb.") || !(name.ends_with(".jpg") || name.ends_with(".png")) {
            continue;
        }
        photos += 1;
        let photo = Photo::decode(&std::fs::read(&path).unwrap()).unwrap();
        let mut steps = vec![];
        let parsing = model.parse(&photo, &ParseOptions::default(), &mut |done| steps.push(done)).unwrap();
        assert_eq!(steps.last(), Some(&1.0));
        assert!(steps.is_sorted());

        let golden = root.join("tests/golden").join(path.with_extension("png").file_name().unwrap());
        if update {
            let sample = Sample { name, parsing: &parsing, photo: None, model: model.card() };
            let png = Format::LabelMap.export(&sample, &Options::default()).unwrap();
            std::fs::write(&golden, png.bytes).unwrap();
            continue;
        }
        let bytes = std::fs::read(&golden).unwrap_or_else(|e| panic!("{}: {e}", golden.display()));
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let mut labels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut labels).unwrap();
        assert_eq!(labels.len(), parsing.labels.len(), "{name}");
        let different = labels.iter().zip(&parsing.labels).filter(|(a, b)| a != b).count();
        let part = different as f64 / labels.len() as f64;
        assert!(part <= TOLERANCE, "{name}: {different} pixels ({:.3} %) differ", part * 100.0);
    }
    assert_eq!(photos, 5);
}
