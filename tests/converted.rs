//! Networks of other architectures are a card and a file: each tiny model of `tests/models` of
//! random weights gives the label map that ONNX Runtime and torch give, and is no dead
//! network. They are made by `tests/models/make_converted.py`.

use std::io::Cursor;
use std::path::Path;

use bodymap::export::{Format, Options, Sample};
use bodymap::{Card, Model, ParseOptions, Photo};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");

/// Pixels that may differ, of 18,000: kernels round differently where two classes are as likely.
const TOLERANCE: usize = 9;

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Class of each pixel, from a grey picture.
fn label_map(png: &[u8]) -> Vec<u8> {
    let mut reader = png::Decoder::new(Cursor::new(png)).read_info().unwrap();
    assert_eq!(reader.output_color_type(), (png::ColorType::Grayscale, png::BitDepth::Eight));
    let mut labels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut labels).unwrap();
    labels
}

#[test]
fn converted_models_give_the_label_maps_of_their_frameworks() {
    let photo = Photo::decode(&read(Path::new(ROOT).join("m2fp/photo.png").as_path())).unwrap();
    for (name, label_set, classes) in [
        ("schp-lip", "lip", 20),
        ("schp-atr", "atr", 18),
        ("schp-pascal", "pascal", 7),
        ("segformer-clothes", "atr", 18),
    ] {
        let folder = Path::new(ROOT).join("models").join(name);
        let card = Card::from_json(&String::from_utf8(read(&folder.join("card.json"))).unwrap()).unwrap();
        assert_eq!((card.label_set.id(), card.label_set.names().len()), (label_set, classes));
        let network = read(&folder.join(&card.files[0].path));
        let mut model = Model::load(card, &network).unwrap();
        let parsing = model.parse(&photo, &ParseOptions::default(), &mut |_| ()).unwrap();
        let expected = label_map(&read(&folder.join("labels.png")));
        let different = parsing.labels.iter().zip(&expected).filter(|(a, b)| a != b).count();
        assert!(different <= TOLERANCE, "{name}: {different} of {} pixels differ", expected.len());
        assert_eq!(parsing.labels.len(), expected.len());
        assert!(parsing.segments.len() > 2, "{name}: {} classes", parsing.segments.len());

        // Every export can name the classes.
        let sample = Sample { name: "p.jpg", parsing: &parsing, photo: Some(&photo), model: model.card() };
        let options = Options { photos: Some("photos/".into()), ..Options::default() };
        for format in Format::all() {
            assert!(!format.export(&sample, &options).unwrap().bytes.is_empty(), "{name}: {}", format.name());
        }
        let mirrored =
            model.parse(&photo, &ParseOptions::default().with_setting("fine"), &mut |_| ()).unwrap();
        assert!(mirrored.labels.iter().all(|&label| (label as usize) < classes));
    }
}
