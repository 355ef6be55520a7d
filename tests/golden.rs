//! Golden label maps and people maps of the default model, in every setting; see tests/golden/README.md.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bodymap::export::{Format, Options, Sample};
use bodymap::{Card, Model, ParseOptions, Photo, Step};

/// Part of the pixels that may differ: kernels differ from processor to processor in the last bits.
const TOLERANCE: f64 = 0.001;

/// Height and width of the input of each pass over a photo.
type Tensors = Vec<(usize, usize)>;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The sample photos, and one in which everybody is small.
fn photos() -> Vec<(String, Photo)> {
    let read = |path: PathBuf| Photo::decode(&std::fs::read(path).unwrap()).unwrap();
    let samples = std::fs::read_dir(root().join("www/samples")).unwrap().filter_map(|entry| {
        let path = entry.unwrap().path();
        let name = path.file_name()?.to_str()?;
        let is_sample = !name.contains(".thumb.") && (name.ends_with(".jpg") || name.ends_with(".png"));
        is_sample.then(|| (path.file_stem().unwrap().to_str().unwrap().to_owned(), read(path)))
    });
    let mut photos: Vec<_> = samples.collect();
    let small = read(root().join("www/samples/skimage_astronaut.png")).scaled(160).unwrap();
    photos.push(("small".into(), on_grey(&small, (800, 600))));
    photos
}

/// A photo in the middle of a grey one.
fn on_grey(photo: &Photo, (width, height): (u32, u32)) -> Photo {
    let mut rgba = [128, 128, 128, 255].repeat(width as usize * height as usize);
    let left = (width - photo.width()) as usize / 2;
    let top = (height - photo.height()) as usize / 2;
    let line = 4 * photo.width() as usize;
    for (y, row) in photo.rgba().chunks_exact(line).enumerate() {
        rgba[4 * ((top + y) * width as usize + left)..][..line].copy_from_slice(row);
    }
    Photo::from_rgba(width, height, rgba).unwrap()
}

/// The pixels of a golden file: one byte each, a class or a person.
fn golden(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut pixels).unwrap();
    pixels
}

fn compare(what: &str, golden: &[u8], found: impl ExactSizeIterator<Item = u8>) {
    assert_eq!(golden.len(), found.len(), "{what}");
    let different = golden.iter().zip(found).filter(|&(&a, b)| a != b).count();
    let part = different as f64 / golden.len() as f64;
    assert!(part <= TOLERANCE, "{what}: {different} pixels ({:.3} %) differ", part * 100.0);
}

#[test]
fn photos_give_their_golden_maps_in_every_setting() {
    let card = std::fs::read_to_string(root().join("models/default/card.json")).unwrap();
    let onnx = std::fs::read(root().join("models/default/default.onnx")).unwrap();
    let mut model = Model::load(Card::from_json(&card).unwrap(), &onnx).unwrap();
    let update = std::env::var_os("BODYMAP_UPDATE_GOLDEN").is_some();
    let settings: Vec<String> = model.card().settings.iter().map(|setting| setting.id.clone()).collect();
    let photos = photos();
    assert_eq!(photos.len(), 6);

    let mut tensors = BTreeMap::new();
    for setting in &settings {
        let folder = root().join("tests/golden").join(setting);
        for (name, photo) in &photos {
            let (mut steps, mut inputs) = (vec![], Tensors::new());
            let options = ParseOptions::default().with_setting(setting);
            let parsing = model.parse_in_steps(photo, &options, &mut |done, step| {
                steps.push(done);
                if let Step::Tensor { height, width } = step {
                    inputs.push((height, width));
                }
            });
            let parsing = parsing.unwrap();
            assert_eq!(steps.last(), Some(&1.0));
            assert!(steps.is_sorted());
            tensors.insert(format!("{setting}/{name}"), inputs);

            let (labels, people) =
                (folder.join(format!("{name}.png")), folder.join(format!("{name}.people.png")));
            if update {
                std::fs::create_dir_all(&folder).unwrap();
                let sample = Sample { name, parsing: &parsing, photo: None, model: model.card() };
                for (path, format) in [(&labels, Format::LabelMap), (&people, Format::People)] {
                    std::fs::write(path, format.export(&sample, &Options::default()).unwrap().bytes).unwrap();
                }
                continue;
            }
            compare(&format!("{setting}/{name}"), &golden(&labels), parsing.labels.iter().copied());
            let persons = parsing.people.iter().map(|&person| person as u8);
            compare(&format!("{setting}/{name}, people"), &golden(&people), persons);
        }
    }
    let path = root().join("tests/golden/tensors.json");
    if update {
        std::fs::write(&path, serde_json::to_string_pretty(&tensors).unwrap() + "\n").unwrap();
    }
    let expected: BTreeMap<String, Tensors> = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(tensors, expected);
}
