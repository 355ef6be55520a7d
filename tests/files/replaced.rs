//! What is never replaced.

use super::*;

#[test]
fn a_photo_is_not_replaced_by_its_label_map() {
    let folder = Folder::with_photos("itself");
    folder.parse("p.png --out .").is(1, &["p.png: ", "is a photo of this run", "(name-clash)"]);
    assert_eq!(folder.read("p.png"), png_photo());
    assert_eq!(folder.files(), ["p.jpg", "p.png"]);
    // Formats with other names are no danger.
    folder.parse("p.png --out . --formats overlay").is(0, &[]);
    assert_eq!(folder.files(), ["p.jpg", "p.overlay.png", "p.png"]);
}

#[test]
fn photos_and_their_results_may_share_a_folder() {
    let folder = Folder::new("shared");
    folder.write("photos/a.png", &png_photo());
    folder.write("photos/sea/b.jpg", &jpeg_photo());
    let first = folder.parse("photos --out photos --formats labels,overlay,masks,coco");
    first.is(1, &["photos/a.png: ", "(name-clash)", "1 photos parsed, 0 kept from before, 1 failed"]);
    assert_eq!(folder.read("photos/a.png"), png_photo());
    let files = folder.files();
    assert!(
        folder.has("photos/sea/b.overlay.png") && folder.has("photos/masks/sea/b/masks.json"),
        "{files:?}"
    );
    // What is there now are results: of folder, patterns and the shell's patterns.
    let results = files.len() - 2;
    let left_out = format!("left out: {results} results of bodymap");
    for photos in ["photos", "photos/**/*[gt]", "photos/sea/b.jpg photos/sea/b.png photos/sea/b.overlay.png"]
    {
        let again = folder.parse(&format!("{photos} --out photos --formats labels,overlay,masks,coco"));
        let errors = &again.errors;
        assert!(!errors.contains("(truncated)") && !errors.contains("(unsupported-format)"), "{errors}");
        match photos {
            "photos" => again.is(1, &[&left_out, "1 photos parsed", "1 failed"]),
            // Of single files the name is that of the file alone.
            _ if photos.contains(' ') => again.is(0, &["photos/sea/b.overlay.png: left out, it is a result"]),
            _ => again.is(1, &["results of bodymap", "1 photos parsed", "1 failed"]),
        };
        assert_eq!(folder.read("photos/a.png"), png_photo());
    }
    // From below, where the records lie above.
    folder.parse("photos/sea --out out").is(0, &["1 photos parsed", "2 results of bodymap"]);
}

#[test]
fn what_others_wrote_is_not_replaced() {
    let folder = Folder::with_photos("others");
    folder.write("p.json", br#"{"mine": true}"#);
    folder.write("q.jpg", &jpeg_photo());
    let told = folder.parse("p.jpg q.jpg --out . --formats json,overlay");
    told.is(1, &["p.json is there already", "(name-clash)", "1 of 2 photos failed"]);
    assert_eq!(folder.read("p.json"), br#"{"mine": true}"#);
    // Nothing of the one, all of the other.
    assert_eq!(folder.files(), ["p.jpg", "p.json", "p.png", "q.jpg", "q.json", "q.overlay.png"]);

    // Masks have names that are known only later, and documents speak of all.
    folder.write("out/masks/p/classes/Hair.png", b"mine");
    folder.parse("p.jpg --out out --formats masks").is(1, &["Hair.png is there already", "(name-clash)"]);
    assert_eq!(folder.read("out/masks/p/classes/Hair.png"), b"mine");
    assert!(!folder.has("out/masks/p/masks.json"));
    for (file, formats) in [
        ("coco.json", "coco"),
        ("labelstudio.json", "json,labelstudio"),
        ("cvat/labelmap.txt", "cvat"),
        ("cihp.zip", "cihp --zip"),
    ] {
        folder.write(format!("all/{file}"), b"mine");
        folder.parse(&format!("q.jpg --out all --formats {formats}")).is(2, &[file, "(name-clash)"]);
        assert_eq!(folder.read(format!("all/{file}")), b"mine");
        std::fs::remove_dir_all(folder.path("all")).unwrap();
    }
}

#[test]
fn what_is_no_file_is_not_replaced() {
    let folder = Folder::with_photos("no_files");
    std::fs::create_dir_all(folder.path("out/p.png")).unwrap();
    folder.parse("p.jpg --out out --formats labels").is(1, &["(name-clash)"]);
    assert!(folder.path("out/p.png").is_dir());
    folder.write("mine.txt", b"mine");
    std::os::unix::fs::symlink("../mine.txt", folder.path("out/p.json")).unwrap();
    folder.parse("p.jpg --out out --formats json").is(1, &["(name-clash)"]);
    assert!(folder.path("out/p.json").is_symlink());
    // A link that leads to a photo, and one to a folder of photos.
    folder.write("photos/p.png", &png_photo());
    std::os::unix::fs::symlink("../photos", folder.path("out/photos")).unwrap();
    folder.parse("photos --base . --out out/photos --formats labels").is(1, &["(name-clash)"]);
    assert_eq!(folder.read("photos/p.png"), png_photo());
}

#[test]
fn results_are_replaced_by_newer_ones_unless_somebody_changed_them() {
    let folder = Folder::with_photos("again");
    folder.parse("p.jpg --out out").is(0, &[]);
    let before = folder.read("out/p.json");
    folder.parse("p.jpg --out out --setting fine").is(0, &[]);
    assert_ne!(folder.read("out/p.json"), before);

    // A copy of the folder, with the times of the copying.
    let copied = Command::new("cp").args(["-r", "out", "copy"]).current_dir(&folder.0).status();
    assert!(copied.unwrap().success());
    folder.parse("p.jpg --out copy").is(0, &[]);
    assert_eq!(folder.read("copy/p.json"), before);

    // A correction by hand.
    let mut corrected = before.clone();
    corrected.extend(b"\n");
    folder.write("copy/p.json", &corrected);
    let overlay = folder.read("copy/p.overlay.png");
    folder.parse("p.jpg --out copy --setting fine").is(1, &["p.json was changed since", "(name-clash)"]);
    assert_eq!(folder.read("copy/p.json"), corrected);
    assert_eq!(folder.read("copy/p.overlay.png"), overlay);
    folder.parse("p.jpg --out copy --resume").is(0, &["0 photos parsed, 1 kept"]);
    assert_eq!(folder.read("copy/p.json"), corrected);
}

#[test]
fn photos_of_two_runs_do_not_take_each_others_place() {
    let folder = Folder::with_photos("two_runs");
    folder.parse("p.jpg --out out").is(0, &[]);
    let before = folder.read("out/p.json");
    for resume in ["", " --resume"] {
        let told = folder.parse(&format!("p.png --out out{resume}"));
        told.is(1, &["would replace those of p.jpg", "(name-clash)"]);
    }
    assert_eq!(folder.read("out/p.json"), before);
}

#[test]
fn two_results_never_have_one_path() {
    let folder = Folder::new("clashes");
    for (number, (photos, formats, failed)) in [
        (&["p.jpg", "p.overlay.png"][..], "labels,overlay", "p.overlay.png"),
        (&["coco/q.jpg", "q.jpg"], "json,coco", "q.jpg"),
        (&["labelstudio.jpg", "p.jpg"], "json,labelstudio", "labelstudio.jpg"),
        (&["masks/p/classes/Hair.jpg", "p.jpg"], "labels,masks", "p.jpg"),
        (&["p.jpg", "p.png/q.jpg"], "labels", "p.png/q.jpg"),
        (&["cvat/labelmap.txt/p.jpg", "q.jpg"], "labels,cvat", "cvat/labelmap.txt/p.jpg"),
        (&["lip.zip/p.jpg", "q.jpg"], "labels,lip --zip", "lip.zip/p.jpg"),
        (&["p.jpg", "p.modelscope.jpg"], "modelscope,json", "p.modelscope.jpg"),
    ]
    .into_iter()
    .enumerate()
    {
        let (photos_in, out) = (format!("{number}/photos"), format!("{number}/out"));
        for photo in photos {
            let bytes = if photo.ends_with(".jpg") { jpeg_photo() } else { png_photo() };
            folder.write(format!("{photos_in}/{photo}"), &bytes);
        }
        let told = folder.parse(&format!("{photos_in} --out {out} --formats {formats}"));
        told.is(1, &[&format!("{photos_in}/{failed}: its results would replace"), "(name-clash)"]);
        told.is(1, &["1 photos parsed, 0 kept from before, 1 failed"]);
    }
    // Names that only look alike.
    for photo in ["beach.jpg", "beach/classes.jpg", "beach/p.jpg"] {
        folder.write(format!("alike/{photo}"), &jpeg_photo());
    }
    folder.parse("alike --out alike_out --formats labels,masks,coco,cvat --zip").is(0, &["3 photos parsed"]);
}

#[test]
fn names_may_be_as_long_as_the_system_allows() {
    let folder = Folder::new("long");
    // 255 bytes with the ending, and 255 bytes of results with theirs.
    let stem = "ü".repeat(125);
    folder.write(format!("photos/{stem}.png"), &png_photo());
    folder.parse("photos --out out --formats labels,json --report report.jsonl").is(0, &[]);
    assert!(folder.has(&format!("out/{stem}.png")) && folder.has(&format!("out/{stem}.json")));
    let report = "r".repeat(255);
    folder.parse(&format!("photos --out out --formats labels --report {report}")).is(0, &[]);
    assert!(folder.has(&report));
    folder.parse("photos --out out --formats labels --resume").is(0, &["1 kept"]);
    assert!(folder.files().iter().all(|file| !file.contains(".part")), "{:?}", folder.files());
}

#[test]
fn a_model_is_not_replaced() {
    let checkpoint = format!("{}/tests/m2fp/tiny-multi.pt", env!("CARGO_MANIFEST_DIR"));
    let template = format!("{}/tests/m2fp/tiny-multi.json", env!("CARGO_MANIFEST_DIR"));
    let folder = Folder::new("models");
    let import = |out: &str| {
        let mut command = folder.command(&format!("model import --accept-licence --out {out}"));
        Told::of(command.args([&checkpoint, "--template", &template]).output().unwrap())
    };
    let split = |line: &str| Told::of(folder.command(&format!("model split {line}")).output().unwrap());
    import("model").is(0, &[]);
    let files: Vec<_> = folder.files().into_iter().map(|file| (folder.read(&file), file)).collect();
    import("model").is(1, &["card.json: there is such a file already", "(name-clash)"]);
    split("model/card.json --out model --part-bytes 50000").is(1, &["(name-clash)"]);
    for (bytes, file) in &files {
        assert!(folder.read(file) == *bytes, "{file}");
    }
    assert_eq!(folder.files().len(), files.len());

    // Files of others that have the name of a part or a model.
    folder.write("parts/tiny-multi-f16.002.onnx", b"mine");
    split("model/card.json --out parts --part-bytes 50000").is(1, &[".002.onnx: there is", "(name-clash)"]);
    assert_eq!(folder.read("parts/tiny-multi-f16.002.onnx"), b"mine");
    folder.write("other/tiny-multi-f16.onnx", b"mine");
    import("other").is(1, &["tiny-multi-f16.onnx: there is such a file already", "(name-clash)"]);
    folder.write("third/model.onnx.part", b"mine");
    import("third").is(0, &[]);
    assert_eq!(folder.read("third/model.onnx.part"), b"mine");
    assert_eq!(folder.read("other/tiny-multi-f16.onnx"), b"mine");
    assert!(!folder.has("other/card.json"));
}
